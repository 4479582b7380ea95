"""Opens pages of reports in a real browser, in wide and narrow windows, light and dark.

    pages.py CHROMIUM FOLDER PAGE.html...

FOLDER gets a picture of each page in each window. Exit status 1 and a line for the first thing that is not as it should be:
something wider than the window, a table wider than a wide one, a picture that is not shown, words that leave their figure, errors, requests.
"""

import os
import sys

from browser import Browser

VIEWS = {"light": {"width": 1000, "height": 800}, "dark": {"width": 1000, "height": 800, "dark": True},
         "phone": {"width": 360, "height": 740, "phone": True},
         "phone-dark": {"width": 360, "height": 740, "phone": True, "dark": True}}
MISSING = ("[...document.images].filter((image) => !image.complete || image.naturalWidth === 0 || !image.alt).length"
           " + [...document.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().height < 100).length")
# Words of a figure that reach beyond its edges by more than rounding.
OUTSIDE = """[...document.querySelectorAll('svg text')].filter((text) => {
    const box = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
        || box.bottom > frame.bottom + 1;
}).map((text) => text.textContent)"""
# Tables that must be scrolled to be seen whole, which is for narrow windows.
SCROLLED = """[...document.querySelectorAll('div.wide')].filter((table) => table.scrollWidth > table.clientWidth + 1)
    .map((table) => table.textContent.slice(0, 60))"""


def check(is_so, what):
    if not is_so:
        raise AssertionError(what)


def look(browser, page, folder):
    name = os.path.basename(page)
    browser.view(**VIEWS["light"])
    browser.open("file://" + os.path.abspath(page))
    check(browser.run("document.querySelectorAll('svg, img').length") > 0, f"{name} shows nothing")
    for view, size in VIEWS.items():
        browser.view(**size)
        browser.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
        wide = browser.run("document.documentElement.scrollWidth")
        check(wide <= size["width"], f"{name} is {wide} wide in {view}, {size['width']} is the window")
        check(browser.run(MISSING) == 0, f"{name} has pictures that are not shown in {view}")
        outside = browser.run(OUTSIDE)
        check(not outside, f"{name} has words beyond their figure in {view}: {outside}")
        if size["width"] >= 1000:
            scrolled = browser.run(SCROLLED)
            check(not scrolled, f"{name} has tables wider than the page in {view}: {scrolled}")
        browser.picture(os.path.join(folder, f"{os.path.splitext(name)[0]}-{view}.png"))
    complaints = browser.complaints()
    check(not complaints, f"{name}: {complaints}")


def main():
    program, folder, *pages = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    browser = Browser(program)
    try:
        for page in pages:
            look(browser, page, folder)
    except AssertionError as error:
        sys.exit(str(error))
    finally:
        browser.close()


main()
