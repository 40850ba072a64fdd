// What every page runs. Each module listens on the document, so that swapped fragments need no set-up.
import "./theme.js";
import "./menu.js";
import "./dialog.js";
import "./copy.js";
import "./when.js";
import "./toast.js";
import "./keys.js";
