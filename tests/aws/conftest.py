"""moto's server in this process, on 127.0.0.1, with real boto3 in front of it."""

from __future__ import annotations

import logging
import warnings

import pytest

REGION = "us-east-1"


@pytest.fixture(scope="session")
def moto_url():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

        from tests.aws import overlay, overlay_feature_store, overlay_monitoring

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        overlay.install()
        overlay_feature_store.install()
        overlay_monitoring.install()
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url, monkeypatch):
    """Point every boto3 client at an empty moto; return its URL."""
    import urllib.request

    urllib.request.urlopen(urllib.request.Request(f"{moto_url}/moto-api/reset", method="POST")).close()
    settings = {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return moto_url


@pytest.fixture
def calls(monkeypatch):
    """Record (service, operation, parameters) of every call, and fail on an operation that moto does not have."""
    import boto3

    made = []
    original = boto3.Session.client

    def client(self, service, *args, **kwargs):
        found = original(self, service, *args, **kwargs)
        found.meta.events.register("provide-client-params.*.*", lambda params, model, **_: made.append((service, model.name, params)))
        found.meta.events.register("after-call.*.*", _no_server_error)
        return found

    monkeypatch.setattr(boto3.Session, "client", client)
    return made


def _no_server_error(http_response, model, **_):
    assert http_response.status_code < 500, f"moto has no {model.name}"
