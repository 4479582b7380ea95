"""Judges the images of a page of `ncsn-trainer hype make` in a real browser, as an evaluator would.

    hype.py CHROMIUM PAGE.html PLAN.json FOLDER

PLAN.json holds the answer to each image by its name. FOLDER gets the file that the page saves, answers.json, and
pictures of the screens. Exit status 1 and a line for the first thing that is not as it should be.
"""

import json
import os
import shutil
import sys
import time

from browser import PATIENCE, Browser

KEYS = {"real": [("r", "KeyR", 82), ("1", "Digit1", 49), ("ArrowLeft", "ArrowLeft", 37), ("R", "KeyR", 82)],
        "generated": [("g", "KeyG", 71), ("2", "Digit2", 50), ("ArrowRight", "ArrowRight", 39), ("G", "KeyG", 71)]}
SHOWN = "document.getElementById('image').src.split(',')[1]"
PLACE = "'ncsn-hype:' + JSON.parse(document.getElementById('data').textContent).page"
VIEWS = {"light": {"width": 1000, "height": 800}, "dark": {"width": 1000, "height": 800, "dark": True},
         "phone": {"width": 360, "height": 740, "phone": True},
         "across": {"width": 740, "height": 360, "phone": True},
         "phone-dark": {"width": 360, "height": 740, "phone": True, "dark": True}}


def check(is_so, what):
    if not is_so:
        raise AssertionError(what)


class Evaluator:
    def __init__(self, browser, page, plan, folder):
        self.browser, self.url, self.plan, self.folder = browser, "file://" + os.path.abspath(page), plan, folder
        browser.view(**VIEWS["light"])
        browser.open(self.url)
        images = browser.run("JSON.parse(document.getElementById('data').textContent).images")
        self.ids = {image["png"]: image["id"] for image in images}
        self.count = len(images)
        check(set(self.ids.values()) <= set(plan), "the plan has an answer to every image")

    def visible(self):
        return self.browser.run("[...document.querySelectorAll('section')].filter((s) => !s.hidden).map((s) => s.id)")

    def text(self, element):
        return self.browser.run(f"document.querySelector({json.dumps(element)}).textContent")

    def pictures(self, name):
        """A picture of the screen in each view, none of which may be wider than its window."""
        for view, size in VIEWS.items():
            self.browser.view(**size)
            self.browser.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 200)))")
            wide = self.browser.run("document.documentElement.scrollWidth")
            check(wide <= size["width"], f"{name} is {wide} wide in {view}, {size['width']} is the window")
            if name == "trial":
                high = self.browser.run("document.documentElement.scrollHeight")
                check(high <= size["height"], f"the image with its buttons is {high} high in {view} of {size['height']}")
            small = self.browser.run("[...document.querySelectorAll('button')].filter((b) => b.offsetParent !== null)"
                                     ".map((b) => b.getBoundingClientRect().height).filter((height) => height < 40)")
            check(not small, f"{name} has buttons of {small} pixels in {view}")
            self.browser.picture(os.path.join(self.folder, f"{name}-{view}.png"))
        self.browser.view(**VIEWS["light"])

    def begin(self, name):
        check(self.visible() == ["start"], "the page begins with its instructions")
        check(self.browser.run("document.activeElement.id") == "name", "the name can be typed at once")
        self.browser.call("Input.insertText", text=name)
        self.browser.key("Enter", "Enter", 13)

    def judge(self, number):
        """Answers the image of this number, from 1, each time by other means."""
        browser = self.browser
        check(self.text("#progress") == f"Image {number} of {self.count}", self.text("#progress"))
        alt = browser.run("document.getElementById('image').alt")
        check(alt == f"image {number} of {self.count}", f"alternative text {alt}")
        # The page's clock runs from the image's load event on, and takes no answer in the first 150 ms.
        browser.until("document.getElementById('image').classList.contains('new')")
        answer = self.plan[self.ids[browser.run(SHOWN)]]
        time.sleep(0.2)
        if number % 6 == 1:
            # Two presses in one task, however busy the machine: the second is meant for the image before.
            key = json.dumps(KEYS[answer][0][0])
            browser.run(f"for (let press = 0; press < 2; press++) document.dispatchEvent(new KeyboardEvent('keydown', "
                        f"{{key: {key}, bubbles: true, cancelable: true}}))")
        elif number % 6 == 4:
            browser.click(f"#{answer}")
        elif number % 6 == 5:
            browser.view(**VIEWS["phone"])
            browser.touch(f"#{answer}")
            browser.view(**VIEWS["light"])
        else:
            keys = KEYS[answer]
            browser.key(*keys[number % len(keys)])
        done = number == self.count
        after = "!document.getElementById('end').hidden" if done else \
            f"document.getElementById('progress').textContent === 'Image {number + 1} of {self.count}'"
        browser.until(after)
        if not done:
            check(self.text("#progress") == f"Image {number + 1} of {self.count}", "a double press counts once")

    def roles(self):
        """Role and name of what a screen reader finds."""
        nodes = self.browser.call("Accessibility.getFullAXTree")["nodes"]
        return {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node}


def whole_way(evaluator, name):
    """From the instructions to the saved file, with a break in the middle."""
    browser, count = evaluator.browser, evaluator.count
    evaluator.pictures("start")
    check(("textbox", "Your name or code") in evaluator.roles(), "the name's field has its label")
    evaluator.begin(name)
    check(evaluator.visible() == ["trial"], "the images come after the name")
    evaluator.pictures("trial")
    roles = evaluator.roles()
    for wanted in [("button", "Real"), ("button", "Generated"), ("image", f"image 1 of {count}")]:
        check(wanted in roles, f"{wanted} is missing for screen readers: {sorted(roles)}")
    check(any(role == "status" for role, _ in roles), "progress is announced")
    half = count // 2
    for number in range(1, half + 1):
        evaluator.judge(number)
    before = browser.run(SHOWN)
    browser.run("history.replaceState(null, '')")
    browser.reload()
    check(not browser.run("document.getElementById('resume').hidden"), "what was begun can be gone on with")
    check(evaluator.text("#resume p") == f"{name} has answered {half} of {count} images.", evaluator.text("#resume p"))
    evaluator.pictures("resume")
    browser.click("#resume [data-anew]")
    check(browser.run("document.getElementById('sure').open"), "what is not saved is not dropped unasked")
    evaluator.pictures("sure")
    browser.key("Enter", "Enter", 13)
    check(not browser.run("document.getElementById('sure').open"), "the safe answer has the focus")
    browser.run("document.getElementById('continue').focus()")
    browser.key("Enter", "Enter", 13)
    check(browser.run(SHOWN) == before, "the page goes on with the image where it was left")
    # A pause and a window out of sight, in which no time passes for the image.
    time.sleep(0.2)
    browser.key("Escape", "Escape", 27)
    check(evaluator.visible() == ["start"], "Esc pauses")
    time.sleep(2)
    browser.key("Enter", "Enter", 13)
    check(evaluator.visible() == ["trial"], "Continue has the focus")
    for hidden in ("true", "false"):
        browser.run(f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}}); "
                    "document.dispatchEvent(new Event('visibilitychange'))")
        time.sleep(2 if hidden == "true" else 0)
    for number in range(half + 1, count + 1):
        evaluator.judge(number)
    check(evaluator.visible() == ["end"], "the end comes after the last image")
    evaluator.pictures("end")
    told = [evaluator.plan[image] for image in evaluator.ids.values()].count("real")
    summary = evaluator.text("#summary")
    check(f"took {told} for real, {count - told} for generated" in summary, summary)
    browser.reload()
    check(evaluator.visible() == ["end"], f"what is finished stays finished: {evaluator.visible()}")
    browser.run("localStorage.clear()")
    browser.reload()
    check(evaluator.visible() == ["end"], f"and without the browser's storage: {evaluator.visible()}")
    downloads = os.path.join(os.path.abspath(evaluator.folder), "downloads")
    os.makedirs(downloads)
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=downloads)
    browser.click("#save")
    deadline = time.monotonic() + PATIENCE
    while not (files := [file for file in os.listdir(downloads) if file.endswith(".json")]):
        check(time.monotonic() < deadline, "the file is saved")
        time.sleep(0.05)
    check(files[0].startswith("hype-") and files[0].endswith(f"-{name}.json"), files[0])
    saved = os.path.join(evaluator.folder, "answers.json")
    shutil.move(os.path.join(downloads, files[0]), saved)
    os.rmdir(downloads)
    with open(saved, encoding="utf-8") as file:
        text = file.read()
    check(text == browser.run("document.getElementById('text').value"), "the text to copy is the file")
    answers = json.loads(text)["answers"]
    longest = max(answer["ms"] for answer in answers)
    check(longest < 1e3 * PATIENCE, f"{longest} ms for an image")
    check(browser.run("JSON.parse(localStorage.getItem(" + PLACE + ")).saved"), "saving is remembered")
    browser.run("document.querySelector('details').open = true")
    browser.click("#copy")
    browser.until("document.getElementById('copied').textContent !== ''")
    check(evaluator.text("#copied") == "Copied.", evaluator.text("#copied"))
    evaluator.pictures("text")
    browser.click("#end [data-anew]")
    check(evaluator.visible() == ["start"], "another evaluator can begin")
    check(browser.run("document.getElementById('name').value") == "", "without the name of the one before")
    check(browser.run(f"localStorage.getItem({PLACE})") is None, "and without their answers")
    paused = answers[half]["ms"]
    check(paused < 1900, f"{paused} ms for the image with two breaks of 2000 ms")


def another(evaluator, before):
    """The next evaluator sees the same images in another order; what another tab does counts."""
    browser = evaluator.browser
    evaluator.begin("Ben")
    order = evaluator.browser.run(f"JSON.parse(localStorage.getItem({PLACE})).order")
    check(sorted(order) == sorted(before) and order != before, "every evaluator has an order of their own")
    evaluator.judge(1)
    browser.run(f"(() => {{ const kept = JSON.parse(localStorage.getItem({PLACE})); kept.answers.push("
                "{image: kept.order[1], answer: 'real', ms: 900}); "
                f"localStorage.setItem({PLACE}, JSON.stringify(kept)); "
                f"window.dispatchEvent(new StorageEvent('storage', {{key: {PLACE}}})); }})()")
    check(evaluator.visible() == ["start"], "the page stops where another tab has gone on")
    check(evaluator.text("#resume p").startswith("Ben has answered 2 of "), evaluator.text("#resume p"))
    kept = browser.run(f"localStorage.getItem({PLACE})")
    browser.run(f"localStorage.removeItem({PLACE}); window.dispatchEvent(new StorageEvent('storage', {{key: {PLACE}}}))")
    check(browser.run("document.getElementById('resume').hidden"), "what another tab has dropped does not come back")
    browser.run(f"localStorage.setItem({PLACE}, {json.dumps(kept)}); "
                f"window.dispatchEvent(new StorageEvent('storage', {{key: {PLACE}}}))")
    browser.click("#continue")
    evaluator.judge(3)
    browser.key("Escape", "Escape", 27)
    browser.click("#resume [data-anew]")
    browser.click("#discard")
    check(browser.run(f"localStorage.getItem({PLACE})") is None, "answers can be discarded")
    check(browser.run("history.state") is None, "from the tab too")
    check(not browser.run("document.getElementById('enter').hidden"), "after which someone else can begin")


def damaged(evaluator):
    """What is kept and makes no sense is not gone on with."""
    browser = evaluator.browser
    empty = {"evaluator": "a", "session": "b", "started": "c", "finished": None, "order": [], "answers": []}
    for kept in ("{", "{}", "null", "[1]", json.dumps(empty)):
        browser.run(f"localStorage.setItem({PLACE}, {json.dumps(kept)})")
        browser.reload()
        check(evaluator.visible() == ["start"], f"{kept} is no evaluation to go on with")
        check(browser.run("document.getElementById('resume').hidden"), f"{kept} is nothing to continue")
        check(browser.run("document.getElementById('unkept').hidden"), f"{kept} does not mean that nothing is kept")


def unkept(evaluator):
    """Without storage the page says so, and works."""
    browser = evaluator.browser
    browser.call("Page.addScriptToEvaluateOnNewDocument", source="Object.defineProperty(window, 'localStorage', "
                 "{get() { throw new DOMException('denied', 'SecurityError'); }});")
    browser.reload()
    check(not browser.run("document.getElementById('unkept').hidden"), "that nothing is kept is said")
    evaluator.pictures("unkept")
    evaluator.begin("nobody")
    evaluator.judge(1)
    browser.run("setTimeout(() => location.reload(), 0)")
    asked = browser.event("Page.javascriptDialogOpening")
    check(asked["type"] == "beforeunload", "leaving with answers that nothing keeps is asked about")
    browser.call("Page.handleJavaScriptDialog", accept=True)
    browser.until("document.readyState === 'complete' && !document.getElementById('resume').hidden")
    check(evaluator.text("#resume p").startswith("nobody has answered 1 of "), "the tab remembers what was answered")
    check(not browser.run("document.getElementById('unkept').hidden"), "and what is not kept beyond it is said again")


def main(chromium, page, plan, folder):
    with open(plan, encoding="utf-8") as file:
        plan = json.load(file)
    os.makedirs(folder, exist_ok=True)
    browser = Browser(chromium)
    try:
        evaluator = Evaluator(browser, page, plan, folder)
        whole_way(evaluator, "Ana")
        with open(os.path.join(folder, "answers.json"), encoding="utf-8") as file:
            order = [answer["image"] for answer in json.load(file)["answers"]]
        another(evaluator, order)
        damaged(evaluator)
        unkept(evaluator)
        complaints = browser.complaints()
        check(not complaints, "\n".join(complaints))
    except (AssertionError, TimeoutError, RuntimeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    finally:
        browser.close()
    print(f"{evaluator.count} images judged")


if __name__ == "__main__":
    main(*sys.argv[1:])
