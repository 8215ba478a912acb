"""The steps in which a person makes a broadcast: template, people, message, review. What is entered is a draft."""

from wacrmd.dashboard.frame import Row
from wacrmd.dashboard.pages.new_broadcast import collecting, message, people, review, template

PAGES: tuple[Row, ...] = (*template.PAGES, *people.PAGES, *message.PAGES, *review.PAGES, *collecting.PAGES)
