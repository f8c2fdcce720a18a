"""A page in headless Chromium, as a reader sees it."""

import contextlib
import json
import shutil

import pytest

# What a script in the page finds out about it. The contrast is that of WCAG 2, of every text against the page.
_LOOK = """
const light = color => {
  const [r, g, b] = color.match(/[\\d.]+/g).map(Number).slice(0, 3).map(each => each / 255)
    .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const paper = light(getComputedStyle(document.body).backgroundColor);
const contrast = color => (Math.max(light(color), paper) + .05) / (Math.min(light(color), paper) + .05);
const seen = each => { const box = each.getBoundingClientRect(); return box.width > 50 && box.height > 50; };
const texts = [...document.querySelectorAll("p, dd, td, pre, svg text")].filter(each => each.textContent.trim());
return {
  width: document.scrollingElement.scrollWidth,
  paper: paper,
  plots: [...document.querySelectorAll("svg")].map(seen),
  contrast: Math.min(...texts.map(
    each => contrast(getComputedStyle(each)[each.tagName === "text" ? "fill" : "color"]))),
  scripts: document.scripts.length,
  title: document.title,
};
"""


class Browser:
    """Opens files in Chromium; `look` returns what is seen, and fails on any console message or request."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, address, width=1400, mode="light", height=900):
        """Open a page at a size in pixels, in light or dark mode, with nothing in the logs."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        media = {"features": [{"name": "prefers-color-scheme", "value": mode}]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(address)

    def look(self, path, width=1400, mode="light"):
        """Open a page at a width in pixels, in light or dark mode; return what `_LOOK` finds."""
        address = path.resolve().as_uri()
        self.open(address, width, mode)
        found = self.driver.execute_script(_LOOK)
        self.check_quiet(address)
        return found

    def check_quiet(self, address):
        """Fail if the page wrote to the console, or asked for anything but itself."""
        assert self.driver.get_log("browser") == []
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]
        assert set(asked) <= {address}

    def run(self, script):
        return self.driver.execute_script(script)


@contextlib.contextmanager
def open_browser():
    """Start Chromium; skip the test where it, or its driver, is not installed."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("Debian's packages chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
