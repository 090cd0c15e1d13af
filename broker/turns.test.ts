import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

/** Items are numbers of chunks that take 3 ms each; a turn has 8 ms. */
const startTurns = () => {
  const done: string[] = [];
  const left = new Map<string, number>();
  const callbacks: (() => void)[] = [];
  let now = 0;
  const turns = createTurns<string>({
    budgetMs: 8,
    clock: () => now,
    later: (callback) => callbacks.push(callback),
    work: (item, isOver) => {
      for (let chunks = left.get(item) ?? 0; chunks > 0; chunks -= 1) {
        left.set(item, chunks - 1);
        done.push(item);
        now += 3;
        if (isOver()) return "more";
      }
      return "done";
    },
  });
  return {
    done,
    ask: (item: string, chunks: number) => {
      left.set(item, (left.get(item) ?? 0) + chunks);
      turns.ask(item);
    },
    flush: turns.flush,
    turn: () => {
      done.length = 0;
      for (const callback of callbacks.splice(0)) callback();
      return { worked: done.join(""), waits: callbacks.length > 0 };
    },
  };
};

test("what fits into a turn is done at once", () => {
  const { ask, done, turn } = startTurns();
  ask("a", 1);
  ask("b", 1);
  expect(done.join("")).toBe("ab");
  expect(turn()).toEqual({ worked: "", waits: false });
  ask("c", 1);
  expect(done.join("")).toBe("c");
});

test("what does not fit waits for the next turns, each in order and none left out", () => {
  const { ask, done, turn } = startTurns();
  ask("a", 5);
  ask("b", 1);
  ask("c", 4);
  expect(done.join("")).toBe("aaa");
  expect(turn().worked).toBe("aab");
  expect(turn().worked).toBe("ccc");
  ask("d", 1);
  expect(turn().worked).toBe("ccd".slice(1));
  expect(turn()).toEqual({ worked: "", waits: false });
});

test("whoever asks while others wait does not overtake them", () => {
  const { ask, done, turn } = startTurns();
  ask("a", 4);
  expect(turn().worked).toBe("a");
  ask("b", 3);
  expect(done.join("")).toBe("abb");
  ask("c", 1);
  expect(turn().worked).toBe("bc");
});

test("at the end everything that waits is done", () => {
  const { ask, done, flush, turn } = startTurns();
  ask("a", 9);
  ask("b", 2);
  done.length = 0;
  flush();
  expect(done).toHaveLength(8);
  expect(turn()).toEqual({ worked: "", waits: false });
});

test("one that always has more leaves its place after a slice to those that wait", () => {
  const done: string[] = [];
  const left = new Map([
    ["flood", 100],
    ["a", 1],
    ["b", 1],
  ]);
  const callbacks: (() => void)[] = [];
  let now = 0;
  const turns = createTurns<string>({
    budgetMs: 12,
    sliceMs: 3,
    clock: () => now,
    later: (callback) => callbacks.push(callback),
    work: (item, isOver) => {
      for (let chunks = left.get(item) ?? 0; chunks > 0; chunks -= 1) {
        left.set(item, chunks - 1);
        done.push(item);
        now += 1;
        if (isOver()) return "more";
      }
      return "done";
    },
  });
  turns.ask("flood");
  turns.ask("a");
  turns.ask("b");
  expect(done).toEqual(["flood", "flood", "flood"]);
  done.length = 0;
  for (const callback of callbacks.splice(0)) callback();
  expect(done.slice(0, 5)).toEqual(["flood", "flood", "flood", "a", "b"]);
  // Alone again it has the rest of the turn.
  expect(done.slice(5)).toEqual(Array(done.length - 5).fill("flood"));
  expect(now).toBeLessThanOrEqual(3 + 12 + 1);
});
