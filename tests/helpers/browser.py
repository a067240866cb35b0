"""A page in headless Chromium, driven through its debugging pipe: no driver, no socket, no further package."""

import base64
import itertools
import json
import os
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no browser: install chromium to test pages in it")


class Browser:
    """One tab; what it asks for and what it prints on the console is kept.

    Args:
        folder: Where its profile lies.
    """

    def __init__(self, folder):
        (ours, theirs), (read, write) = os.pipe(), os.pipe()
        # Chromium reads commands from descriptor 3 and writes answers to descriptor 4.
        options = (
            f"--headless --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe --user-data-dir={folder}"
        )
        shell = f'exec "{CHROMIUM}" {options} about:blank 3<&{ours} 4>&{write}'
        self.process = subprocess.Popen(
            ["bash", "-c", shell], pass_fds=(ours, write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(ours)
        os.close(write)
        self.out, self.into = os.fdopen(theirs, "wb", buffering=0), os.fdopen(read, "rb", buffering=0)
        self.numbers, self.rest, self.session = itertools.count(1), b"", None
        self.requests, self.errors, self.loaded = [], [], False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Send a command and wait for its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.out.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self.receive()
            if found.get("id") == number:
                assert "error" not in found, found["error"]
                return found["result"]

    def receive(self):
        """The next message; events are kept."""
        while b"\0" not in self.rest:
            part = self.into.read(65536)
            assert part, "the browser ended"
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        found = json.loads(line)
        event, about = found.get("method"), found.get("params", {})
        if event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.errors.append(about["exceptionDetails"].get("exception", {}).get("description", "exception"))
        elif event == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.errors.append(about["entry"]["text"])
        elif event == "Runtime.consoleAPICalled" and about["type"] == "error":
            self.errors.append(str(about["args"]))
        elif event == "Page.loadEventFired":
            self.loaded = True
        return found

    def open(self, path, width=1400, height=900, dark=False, script=True, mobile=False, anchor=""):
        """Load a file in a window of that size."""
        self.requests, self.errors, self.loaded = [], [], False
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.as_uri() + anchor)
        self.loaded = self.loaded and not self.requests
        while not self.evaluate("document.readyState === 'complete'"):
            pass

    def evaluate(self, expression):
        """The value of a JavaScript expression; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def screenshot(self, path, whole=True):
        """Save what the window, or the whole page, looks like."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self):
        """The page as it prints."""
        found = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(found["data"])

    def close(self):
        """End the browser."""
        self.session = None
        try:
            self.out.write(json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
        self.process.wait()
        self.out.close()
        self.into.close()
