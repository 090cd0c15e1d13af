import fc from "fast-check";
import { expect, test } from "vitest";
import { createRetained, type Retained } from "./retained.ts";

interface Text {
  readonly topic: string;
  readonly payload: string;
}

const unlimited = { messages: 1000, bytes: 1_000_000 };

test("filters find what MQTT says they match", () => {
  const topics = ["a", "a/b", "a/b/c", "a//c", "/a", "$SYS/a", "__proto__/constructor"];
  finds(topics, "a", ["a"]);
  finds(topics, "a/#", ["a", "a/b", "a/b/c", "a//c"]);
  finds(topics, "a/+", ["a/b"]);
  finds(topics, "a/+/c", ["a/b/c", "a//c"]);
  finds(topics, "+/+", ["a/b", "/a", "__proto__/constructor"]);
  finds(topics, "#", ["a", "a/b", "a/b/c", "a//c", "/a", "__proto__/constructor"]);
  finds(topics, "+/a", ["/a"]);
  finds(topics, "$SYS/#", ["$SYS/a"]);
  finds(topics, "$SYS/+", ["$SYS/a"]);
  finds(topics, "__proto__/+", ["__proto__/constructor"]);
  finds(topics, "b/#", []);
});

test("keeping and removing in any order ends in what a plain map holds", () => {
  const topic = fc.stringMatching(/^[ab](\/[abc]){0,3}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(topic, fc.string({ maxLength: 3 })), { maxLength: 60 }), (changes) => {
      const retained = createRetained<Text>(unlimited);
      const model = new Map<string, string>();
      for (const [name, payload] of changes) {
        expect(retained.keep({ topic: name, payload })).toBe("kept");
        if (payload === "") model.delete(name);
        else model.set(name, payload);
      }
      expect(contents(retained)).toEqual([...model].map(([name, payload]) => `${name} ${payload}`).sort());
      expect(retained.count).toBe(model.size);
      expect(retained.bytes).toBe([...model].reduce((sum, [name, payload]) => sum + name.length + payload.length, 0));
    }),
  );
});

test("when full, a new topic is not kept and a known one is still replaced", () => {
  const retained = createRetained<Text>({ messages: 2, bytes: 20 });
  expect(retained.keep({ topic: "a", payload: "1" })).toBe("kept");
  expect(retained.keep({ topic: "b", payload: "1" })).toBe("kept");
  expect(retained.keep({ topic: "c", payload: "1" })).toBe("full");
  expect(retained.keep({ topic: "b", payload: "2" })).toBe("kept");
  expect(contents(retained)).toEqual(["a 1", "b 2"]);
});

test("a value that no longer fits leaves nothing behind, rather than an old value", () => {
  const retained = createRetained<Text>({ messages: 2, bytes: 10 });
  retained.keep({ topic: "a", payload: "1" });
  expect(retained.keep({ topic: "a", payload: "x".repeat(10) })).toBe("full");
  expect(contents(retained)).toEqual([]);
  expect(retained.bytes).toBe(0);
});

function finds(topics: readonly string[], filter: string, expected: readonly string[]): void {
  const retained = createRetained<Text>(unlimited);
  for (const topic of topics) retained.keep({ topic, payload: "x" });
  const found = [...retained.match(filter)].map(({ topic }) => topic);
  expect({ filter, found: found.sort() }).toEqual({ filter, found: [...expected].sort() });
}

function contents(retained: Retained<Text>): string[] {
  return [...retained.match("#")].map(({ topic, payload }) => `${topic} ${payload}`).sort();
}
