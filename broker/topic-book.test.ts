import fc from "fast-check";
import { expect, test } from "vitest";
import { createTopicBook } from "./topic-book.ts";

const topicOf = (site: string, device: string) => Buffer.from(`dc/${site}/${device}/telemetry`, "latin1");

test("a topic is found by its bytes wherever they lie, and nothing else is", () => {
  const name = fc.tuple(
    fc.constantFrom("a", "b", "ab"),
    fc.nat(2000).map((number) => `r-${number}`),
  );
  fc.assert(
    fc.property(fc.array(name, { maxLength: 300 }), fc.nat(40), (names, shift) => {
      const book = createTopicBook();
      const expected = new Map<string, number>();
      for (const [site, device] of names) {
        const topic = topicOf(site, device);
        const chunk = Buffer.concat([Buffer.alloc(shift, "dc/"), topic, Buffer.from("x")]);
        const [from, to] = [shift, shift + topic.length];
        const known = expected.get(topic.toString());
        expect(book.find(chunk, from, to)).toBe(known ?? -1);
        if (known !== undefined) continue;
        expected.set(topic.toString(), expected.size);
        expect(book.add(chunk, from, to, site, device)).toBe(expected.size - 1);
        expect(book.find(chunk, from, to + 1)).toBe(-1);
      }
      expect(book.size).toBe(expected.size);
      for (const [topic, number] of expected) {
        expect(`dc/${book.site(number)}/${book.device(number)}/telemetry`).toBe(topic);
        expect(book.find(Buffer.from(topic), 0, topic.length)).toBe(number);
      }
    }),
  );
});

test("a book that was cleared begins anew", () => {
  const book = createTopicBook();
  for (let device = 0; device < 3000; device += 1) {
    const topic = topicOf("a", `r-${device}`);
    book.add(topic, 0, topic.length, "a", `r-${device}`);
  }
  book.clear();
  expect(book.size).toBe(0);
  const topic = topicOf("b", "r-1");
  expect(book.find(topic, 0, topic.length)).toBe(-1);
  expect(book.add(topic, 0, topic.length, "b", "r-1")).toBe(0);
  expect([book.site(0), book.device(0)]).toEqual(["b", "r-1"]);
});
