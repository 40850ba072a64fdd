"""CI moderation over real sockets."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from PIL import Image

from cloud import ci, errors
from cloud.cos import CosClient
from cloud.types import ImageToJudge, JobResult
from tests.cloud.conftest import eventually


def png(red: int = 20, green: int = 90, blue: int = 160) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (128, 128), (red, green, blue)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A place for callbacks: its address, and what arrived."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/cos/token/", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_images_are_judged_in_the_background(
    cos: CosClient, inbox: tuple[str, list[dict[str, Any]]]
) -> None:
    address, got = inbox
    cos.put("images/one.png", png(), content_type="image/png")
    batch = ci.submit(
        cos,
        [ImageToJudge("id-1", key="images/one.png"), ImageToJudge("id-2", content=png())],
        scenes=("Porn", "Ads"),
        callback=address,
    )
    assert batch.request_id
    assert [job.data_id for job in batch.jobs] == ["id-1", "id-2"]
    assert all(job.job_id.startswith("si") for job in batch.jobs)
    first = eventually(
        lambda: ci.query(cos, batch.jobs[0].job_id), lambda one: one is not None and one.finished
    )
    assert isinstance(first, JobResult)
    assert first.state == "Success" and first.result in (0, 1, 2)
    assert first.key == "images/one.png"
    assert {"porn", "ads"} <= {scene.name for scene in first.scenes}
    eventually(lambda: len(got), lambda number: number >= 2)
    told = {one.data_id: one for one in map(ci.parse_callback, got) if one}
    assert told["id-1"].job_id == first.job_id
    assert (told["id-1"].result, told["id-1"].label) == (first.result, first.label)


def test_one_image_can_be_waited_for(cos: CosClient) -> None:
    cos.put("images/two.png", png(), content_type="image/png")
    batch = ci.submit(cos, [ImageToJudge(key="images/two.png")], asynchronous=False)
    assert batch.jobs[0].state == "Success"
    assert batch.jobs[0].result is not None


def test_an_image_that_is_not_there_fails_alone(cos: CosClient) -> None:
    cos.put("images/three.png", png(), content_type="image/png")
    images = [ImageToJudge("a", key="images/never.png"), ImageToJudge("b", key="images/three.png")]
    batch = ci.submit(cos, images, asynchronous=False)
    bad, good = batch.jobs
    assert (bad.data_id, bad.state, good.state) == ("a", "Failed", "Success")
    assert bad.code and bad.message


def test_an_unknown_job_is_none(cos: CosClient) -> None:
    assert ci.query(cos, "si" + "0" * 32) is None


def test_a_batch_has_a_size(cos: CosClient) -> None:
    with pytest.raises(errors.Rejected):
        ci.submit(cos, [])
    with pytest.raises(errors.Rejected):
        ci.submit(cos, [ImageToJudge(key="k")] * 101)
    with pytest.raises(errors.Rejected):
        ci.submit(cos, [ImageToJudge("nothing to see")])


def test_policies_can_be_made_read_and_changed(cos: CosClient) -> None:
    made = ci.strategy_create(cos, "strict", {"Porn": ["Sexy", "OcrText"], "Ads": ["QRCode"]})
    assert made.id
    found = ci.strategy(cos, made.id)
    assert found is not None
    assert (found.name, found.biz_type) == ("strict", made.id)
    assert set(found.labels["Porn"]) == {"Sexy", "OcrText"}
    ci.strategy_update(cos, made.id, {"Porn": ["ObsceneBehaviour"]})
    found = ci.strategy(cos, made.id)
    assert found is not None and set(found.labels["Porn"]) == {"ObsceneBehaviour"}
    assert made.id in [one.biz_type for one in ci.strategies(cos)]
    batch = ci.submit(cos, [ImageToJudge(content=png())], biz_type=made.id, asynchronous=False)
    assert batch.jobs[0].state == "Success"
    assert ci.strategy(cos, "never") is None


def test_more_policies_than_a_page_are_all_listed(cos: CosClient) -> None:
    made = {ci.strategy_create(cos, f"many-{n}", {"Ads": ["LOGO"]}).id for n in range(21)}
    assert made <= {one.biz_type for one in ci.strategies(cos)}


def test_a_wrong_verdict_can_be_reported(cos: CosClient) -> None:
    batch = ci.submit(cos, [ImageToJudge(content=png())], asynchronous=False)
    job_id = batch.jobs[0].job_id
    done = ci.report_badcase(cos, job_id=job_id, label="Ads", suggested_label="Normal")
    assert done.request_id
