"""`make stop`: stop what `make run` started from this state folder."""

import os
import select
import signal
import sys

from deploy.embedded.installation import Installation
from deploy.embedded.process import shown

WITHIN_S = 60.0


def main() -> int:
    installation = Installation.of_environment()
    here = shown(installation.home)
    if not installation.home.exists() or installation.take():
        print(f"Nothing runs from {here}.")
        return 0
    holder = installation.holder()
    if holder is None:
        print(f"Something that is not a running console holds {here}/run.lock.", file=sys.stderr)
        return 1
    try:
        process = os.pidfd_open(holder.pid)
        # Asked again now that the descriptor pins the process: its number cannot change hands.
        if installation.holder() == holder:
            signal.pidfd_send_signal(process, signal.SIGTERM)
    except PermissionError:
        print(f"Process {holder.pid} is another user's: stop it as that user.", file=sys.stderr)
        return 1
    except ProcessLookupError:
        pass
    else:
        print(f"stopping {holder.url} (process {holder.pid}) ...", flush=True)
        if not select.select([process], [], [], WITHIN_S)[0]:
            print(f"Process {holder.pid} did not end in {WITHIN_S:.0f} s.", file=sys.stderr)
            return 1
    print("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
