"""AtStep: what tests of training do at a chosen step."""


class AtStep:
    """A progress that does something once a step is done."""

    def __init__(self, step, act):
        self.step, self.act = step, act

    def start(self, what, total): ...
    def end(self): ...
    def at(self, done, note=""):
        if done == self.step:
            self.act()
