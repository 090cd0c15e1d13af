import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createKept, type Kept } from "./kept.ts";
import { createRetained } from "./retained.ts";

const day = 86_400_000;

describe("records", () => {
  const client = fc.constantFrom("a", "b");
  const topic = fc.constantFrom("dc/demo/r-1/status", "$x/y", "dc/demo/alert/R1/s");
  const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
  const id = fc.integer({ min: 1, max: 8 });
  const text = fc.constantFrom("", "x", "yy");
  const step = fc.oneof(
    fc.tuple(fc.constant("enter" as const), client),
    fc.tuple(fc.constant("drop" as const), client),
    fc.tuple(fc.constant("filter" as const), client, topic, fc.option(qos)),
    fc.tuple(fc.constant("retain" as const), topic, qos, text),
    fc.tuple(fc.constant("enqueue" as const), client, id, topic, qos, text),
    fc.tuple(fc.constant("done" as const), client, id),
    fc.tuple(fc.constant("write" as const)),
  );

  test("records bring back what was kept, however they are split between snapshot and journal", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat({ max: 40 }), (steps, cut) => {
        const kept = fresh();
        const pending: (() => unknown)[] = [];
        const written: unknown[] = [];
        let snapshot: Iterator<unknown> | null = null;
        const write = () => {
          for (const entry of pending.splice(0)) written.push(entry());
        };
        kept.follow((entry) => pending.push(entry));
        const lines: unknown[] = [];
        for (const [n, each] of steps.entries()) {
          // From here on the journal is a new file, and the snapshot is written while changes go on.
          if (n === cut) {
            written.length = 0;
            snapshot = kept.records()[Symbol.iterator]();
          }
          const next = snapshot?.next();
          if (next?.done === false) lines.push(structuredClone(next.value));
          play(kept, each);
          if (each[0] === "write") write();
        }
        for (let next = snapshot?.next(); next?.done === false; next = snapshot?.next()) lines.push(next.value);
        write();
        const again = fresh();
        for (const record of [...lines, ...written]) if (record !== null) expect(again.apply(record)).toBe(true);
        expect(shown(again)).toEqual(shown(kept));
        // Every record may come twice.
        for (const record of [...again.records()]) expect(again.apply(record)).toBe(true);
        expect(shown(again)).toEqual(shown(kept));
      }),
      { numRuns: 1000 },
    );
  });

  test("what is not a record is told so", () => {
    const kept = fresh();
    for (const record of [null, 1, [], ["z", "a"], ["q", "a", "1"], ["r", "t", 3, ""], ["s", "a", 1, 1], ["f", "a"]]) {
      expect(kept.apply(record)).toBe(false);
    }
  });

  test("a message that was acknowledged before it was written leaves no record", () => {
    const kept = fresh();
    const pending: (() => unknown)[] = [];
    kept.enter("a", "user");
    kept.follow((entry) => pending.push(entry));
    kept.enqueue("a", 1, { topic: "t", qos: 1, payload: Buffer.from("x") });
    kept.done("a", 1);
    expect(pending.map((entry) => entry())).toEqual([null]);
  });
});

describe("limits", () => {
  test("messages of one session and bytes of all are bounded", () => {
    const kept = fresh();
    kept.enter("a", "user");
    kept.enter("b", "user");
    const packet = { topic: "t", qos: 1 as const, payload: Buffer.alloc(199) };
    expect(kept.enqueue("a", 1, packet)).toBe("kept");
    expect(kept.enqueue("b", 2, packet)).toBe("kept");
    expect(kept.enqueue("a", 3, packet)).toBe("full");
    kept.done("b", 2);
    for (let n = 3; n <= 6; n++) expect(kept.enqueue("a", n, { ...packet, payload: Buffer.alloc(1) })).toBe("kept");
    expect(kept.enqueue("a", 7, { ...packet, payload: Buffer.alloc(1) })).toBe("full");
    kept.drop("a");
    expect(kept.enqueue("b", 8, packet)).toBe("kept");
  });

  test("no more sessions are kept than allowed, but those that are stay welcome", () => {
    const kept = fresh();
    for (const id of ["a", "b", "c"]) kept.enter(id, "user");
    expect(kept.isFull("d")).toBe(true);
    expect(kept.isFull("c")).toBe(false);
    kept.drop("a");
    expect(kept.isFull("d")).toBe(false);
  });

  test("a session ends when nobody came back for it in time", () => {
    let time = 0;
    const kept = fresh(() => time);
    const leave = kept.enter("a", "user");
    kept.enter("b", "user");
    time = 3 * day;
    leave();
    time = 5 * day;
    expect(kept.expire()).toEqual([]);
    time = 5 * day + 1;
    expect(kept.expire()).toEqual(["a"]);
    expect(kept.sessions.get("b")?.seen).toBe(time);
  });
});

function fresh(now = () => 0): Kept {
  return createKept({
    retained: createRetained({ messages: 100, bytes: 10_000 }),
    limits: { sessions: 3, sessionMs: 2 * day, queue: 5, queueBytes: 500 },
    now,
  });
}

type Step =
  | readonly ["enter" | "drop", string]
  | readonly ["filter", string, string, 0 | 1 | 2 | null]
  | readonly ["retain", string, 0 | 1 | 2, string]
  | readonly ["enqueue", string, number, string, 0 | 1 | 2, string]
  | readonly ["done", string, number]
  | readonly ["write"];

function play(kept: Kept, step: Step): void {
  switch (step[0]) {
    case "enter":
      kept.enter(step[1], "user");
      break;
    case "drop":
      kept.drop(step[1]);
      break;
    case "filter":
      kept.filter(step[1], step[2], step[3]);
      break;
    case "retain":
      kept.retain({ cmd: "publish", retain: true, topic: step[1], qos: step[2], payload: Buffer.from(step[3]) });
      break;
    case "enqueue":
      // A number is given once.
      if (step[2] > kept.newest)
        kept.enqueue(step[1], step[2], { topic: step[3], qos: step[4], payload: Buffer.from(step[5]) });
      break;
    case "done":
      kept.done(step[1], step[2]);
      break;
    case "write":
      break;
  }
}

function shown(kept: Kept) {
  const waiting = (queue: ReadonlyMap<number, { topic: string; qos: number; payload: Buffer }>) =>
    [...queue].map(([id, { topic, qos, payload }]) => `${id} ${topic} ${qos} ${payload}`);
  const records = [...kept.records()].filter(([kind]) => kind === "r").map((record) => JSON.stringify(record));
  return {
    retained: records.toSorted(),
    sessions: [...kept.sessions]
      .map(([id, { user, filters, queue }]) => ({ id, user, filters: [...filters].toSorted(), queue: waiting(queue) }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
