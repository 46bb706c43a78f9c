"""An agent behind a Celery queue that lives in a folder."""

import os
from pathlib import Path

from celery import Celery

FOLDER = Path(__file__).parent / "queue"
FOLDER.mkdir(exist_ok=True)

app = Celery("queued_shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER),
    "data_folder_out": str(FOLDER),
    "control_folder": str(FOLDER),
}
app.conf.worker_enable_remote_control = False


class ShopAgent:
    name = "serving"

    def chat(self, message):
        return f"{message} from {os.getpid()}"


@app.task
def chat(number):
    """Work on one message of the queue."""
    ShopAgent().chat("hello")
    (FOLDER.parent / f"done-{number}").touch()
