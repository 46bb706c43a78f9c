"""Agents under names that only a target tells."""


class SupportBot:
    def __init__(self, title):
        self.title = title
        self.key = "k-1"

    def answer(self, text):
        return {"text": text, "meta": {"tokens": {"input": 7, "output": 3}}}

    @property
    def status(self):
        return "fine"


class LoudBot(SupportBot):
    def shout(self, text):
        return text.upper()
