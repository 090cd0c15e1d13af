import fc from "fast-check";
import { expect, test } from "vitest";
import type { Decoded, Decoder, Source, TopicLevels } from "./decoder.ts";

export interface DecoderExample {
  readonly topic: string;
  readonly address: TopicLevels["address"];
}

const sourceOf = ({ topic, address }: DecoderExample, payload: Uint8Array): Source => ({
  topic,
  address,
  levels: topic.split("/"),
  payload,
  received: 1795219200000,
  site: "main",
});

const shapeHolds = ({ readings, rejected }: Decoded): void => {
  for (const { site, device, values } of readings) {
    expect(typeof site).toBe("string");
    expect(typeof device).toBe("string");
    for (const [quantity] of values) expect(typeof quantity).toBe("string");
  }
  for (const { code, reason } of rejected) {
    expect(code).toMatch(/^COLLECTOR_/);
    expect(reason).not.toBe("");
    expect(reason.length).toBeLessThan(1000);
    expect(reason).not.toMatch(/[.\n]$/);
  }
};

/** What every decoder promises, whatever arrives on its topics. */
export const decoderSuite = (decoder: Decoder, examples: readonly DecoderExample[]): void => {
  const topics = fc.constantFrom(...examples);
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

  test(`${decoder.name} knows its own topics`, () => {
    for (const example of examples) {
      expect(decoder.matches({ address: example.address, levels: example.topic.split("/") })).toBe(true);
    }
  });

  test(`${decoder.name} judges any topic without throwing`, () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 8 }), (levels) => {
        expect(typeof decoder.matches({ address: null, levels })).toBe("boolean");
      }),
    );
  });

  test(`${decoder.name} answers any bytes with readings or reasons`, () => {
    fc.assert(
      fc.property(topics, fc.uint8Array({ maxLength: 200 }), (example, bytes) => {
        shapeHolds(decoder.decode(sourceOf(example, bytes)));
      }),
    );
  });

  test(`${decoder.name} answers any JSON with readings or reasons`, () => {
    fc.assert(
      fc.property(topics, fc.json(), (example, json) => {
        shapeHolds(decoder.decode(sourceOf(example, encode(json))));
      }),
    );
  });

  test(`${decoder.name} gives the same answer twice and leaves the payload as it was`, () => {
    fc.assert(
      fc.property(topics, fc.json(), (example, json) => {
        const payload = encode(json);
        const first = decoder.decode(sourceOf(example, payload));
        expect(decoder.decode(sourceOf(example, payload))).toEqual(first);
        expect(payload).toEqual(encode(json));
      }),
    );
  });

  test(`${decoder.name} takes names of the prototype as names`, () => {
    const json = '{"__proto__":{"__proto__":1},"constructor":{"prototype":1},"params":{"__proto__":{"total":1}}}';
    for (const example of examples) shapeHolds(decoder.decode(sourceOf(example, encode(json))));
    expect(Object.hasOwn(Object.prototype, "total")).toBe(false);
  });
};
