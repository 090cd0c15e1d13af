import fc from "fast-check";
import { expect, test } from "vitest";
import { createClient } from "./client.ts";
import { createRing, type Ring } from "./ring.ts";

const push = (ring: Ring, at: number, text = "x", site: string | null = null) => ring.push({ site, at }, () => text);
const walk = (ring: Ring, from: number): readonly number[] | "lost" => {
  const ids: number[] = [];
  for (let entry = ring.after(from); entry !== null; entry = ring.after(entry.id)) {
    if (entry === "lost") return "lost";
    ids.push(entry.id);
  }
  return ids;
};

test("what follows an id is exactly what came after it, or is called lost", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 3000 }),
      fc.integer({ min: 1, max: 4000 }),
      fc.nat(3000),
      (count, hold, back) => {
        const firstId = 1000;
        const ring = createRing({ holdMs: hold, maxBytes: 1e9, firstId });
        for (let i = 0; i < count; i++) push(ring, i);
        const from = firstId - 1 + Math.min(back, count);
        const held = Math.min(count, hold + 1);
        const answer = walk(ring, from);
        const missed = firstId + count - 1 - from;
        if (missed > held) expect(answer).toBe("lost");
        else expect(answer).toEqual(Array.from({ length: missed }, (_, i) => from + 1 + i));
      },
    ),
    { numRuns: 50 },
  );
});

test("an id never given is lost", () => {
  const ring = createRing({ holdMs: 1000, maxBytes: 100, firstId: 10 });
  push(ring, 0);
  expect([ring.after(3), ring.after(11), ring.after(10)]).toEqual(["lost", "lost", null]);
});

test("memory is bounded, whatever the time", () => {
  const ring = createRing({ holdMs: 1e9, maxBytes: 100, firstId: 1 });
  for (let i = 0; i < 50; i++) push(ring, 0, "0123456789");
  expect(walk(ring, 40)).toHaveLength(10);
  expect(walk(ring, 39)).toBe("lost");
});

test("a small event holds no memory but its own", () => {
  const ring = createRing({ holdMs: 1e9, maxBytes: 1_000_000, firstId: 1 });
  push(ring, 0, "x".repeat(5000));
  const entry = ring.after(0);
  const bytes = entry === null || entry === "lost" ? new Uint8Array(0) : entry.bytes;
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([5000, 5000]);
});

test("large events come back as they were, in little memory", () => {
  const ring = createRing({ holdMs: 1e9, maxBytes: 1_000_000, firstId: 1 });
  const texts = Array.from({ length: 40 }, (_, count) => `${count} ${"绿电 1234.5 ".repeat(10_000)}`);
  for (const text of texts) push(ring, 0, text);
  const read: string[] = [];
  for (let entry = ring.after(0); entry !== null && entry !== "lost"; entry = ring.after(entry.id))
    read.push(Buffer.from(entry.bytes).toString());
  expect(read).toEqual(texts);
});

const startClient = (ring: Ring, sites: ReadonlySet<string> | null = null) => {
  const sent: string[] = [];
  const state = { takes: true, now: 0, destroyed: false };
  const outlet = {
    write: (frame: string | Uint8Array) => {
      sent.push(Buffer.from(frame).toString());
      return state.takes;
    },
    end: () => undefined,
    destroy: () => {
      state.destroyed = true;
    },
  };
  return { sent, state, client: createClient(ring, outlet, { sites, place: ring.head(), now: () => state.now }) };
};

test("a client that does not drain is sent nothing more, and all of it when it drains", () => {
  const ring = createRing({ holdMs: 1000, maxBytes: 1000, firstId: 1 });
  const { sent, state, client } = startClient(ring);
  state.takes = false;
  for (const text of ["a", "b", "c"]) {
    push(ring, 0, text);
    client.pump();
  }
  expect(sent).toEqual(["a"]);
  state.takes = true;
  client.drained();
  expect(sent).toEqual(["a", "b", "c"]);
});

test("a client that does not drain for half a minute is dropped", () => {
  const ring = createRing({ holdMs: 1e6, maxBytes: 1000, firstId: 1 });
  const { state, client } = startClient(ring);
  state.takes = false;
  push(ring, 0, "a");
  client.pump();
  state.now = 30_000;
  client.heartbeat();
  expect(state.destroyed).toBe(false);
  state.now = 30_001;
  client.heartbeat();
  expect(state.destroyed).toBe(true);
});

test("a client that falls out of the ring is dropped", () => {
  const ring = createRing({ holdMs: 1e6, maxBytes: 2, firstId: 1 });
  const { state, client } = startClient(ring);
  state.takes = false;
  for (const text of ["a", "b", "c", "d"]) {
    push(ring, 0, text);
    client.pump();
  }
  state.takes = true;
  client.drained();
  expect(state.destroyed).toBe(true);
});

test("what is told to one client carries the id it has come to", () => {
  const ring = createRing({ holdMs: 1000, maxBytes: 1000, firstId: 1 });
  const { sent, state, client } = startClient(ring);
  state.takes = false;
  push(ring, 0, "a");
  client.pump();
  push(ring, 0, "b");
  client.tell((place) => `told at ${place}`);
  state.takes = true;
  client.drained();
  expect(sent).toEqual(["a", "told at 1", "b"]);
});

test("a client hears its sites and what concerns everybody", () => {
  const ring = createRing({ holdMs: 1000, maxBytes: 1000, firstId: 1 });
  const { sent, client } = startClient(ring, new Set(["hall"]));
  push(ring, 0, "theirs", "attic");
  push(ring, 0, "ours", "hall");
  push(ring, 0, "all", null);
  client.heartbeat();
  client.pump();
  expect(sent).toEqual([":\n\n", "ours", "all"]);
});
