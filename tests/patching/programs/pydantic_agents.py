"""Agents that are pydantic models: their metaclass looks at the frame of the class statement."""

# ruff: noqa: D103 - written as users write their programs

import inspect

import pydantic


class BaseAgent(pydantic.BaseModel):
    name: str = "base"

    def chat(self, message: str) -> str:
        return self.name + message


class ListAgent(BaseAgent):
    items: list["Later"] = []

    def chat(self, message):
        return super().chat(message) * 2


class Later(pydantic.BaseModel):
    number: int


class HolderAgent(pydantic.BaseModel):
    agent: BaseAgent

    def run(self):
        return self.agent.chat("!")


@pydantic.dataclasses.dataclass
class RecordAgent:
    name: str

    def chat(self, message):
        return self.name + message


def make_local():
    class Inner(pydantic.BaseModel):
        number: int

    class LocalAgent(pydantic.BaseModel):
        inner: "Inner"  # resolved in the namespace of this function

        def chat(self, message):
            return message

    return LocalAgent(inner=Inner(number=3))


print(BaseAgent(name="a").chat("1"), ListAgent(name="b", items=[{"number": 1}]).chat("2"))
print(HolderAgent.model_validate({"agent": {"name": "c"}}).run(), HolderAgent.model_json_schema())
print(RecordAgent("d").chat("3"), make_local(), make_local().chat("4"))
for cls in (BaseAgent, ListAgent, HolderAgent, RecordAgent):
    print(inspect.signature(cls), inspect.signature(cls.__init__))
try:
    BaseAgent(name=[])
except pydantic.ValidationError as error:
    print(error)
