// Topics of telemetry as they come on the wire, found without making a string of them; some 45 bytes each.
//
//   bytes ─▶ hash ─▶ shard ─▶ slot (open addressing) ─▶ number ─▶ its bytes, to compare; its site and device
//
// Each shard grows by itself: to put 262,144 topics into larger slots at once held the broker's thread for 25 ms.

/** Telemetry topics that were met before. */
export interface TopicBook {
  readonly size: number;
  /** The number of the topic in `[from, to)` of the chunk; -1 for one that is not known. */
  find(chunk: Uint8Array, from: number, to: number): number;
  /** Enters a topic that is not known. */
  add(chunk: Uint8Array, from: number, to: number, site: string, device: string): number;
  site(number: number): string;
  device(number: number): string;
  clear(): void;
}

// Racks of many sites have the same names: a text is kept once.
const firstTopics = 1024;
const firstBytes = 32 * 1024;
const shardCount = 64;
const firstSlots = 32;

export const createTopicBook = (): TopicBook => {
  const sites = createTexts();
  const devices = createTexts();
  let [capacity, size, used] = [firstTopics, 0, 0];
  let bytes = new Uint8Array(firstBytes);
  let ends = new Uint32Array(capacity);
  let hashes = new Int32Array(capacity);
  let siteOf = new Int32Array(capacity);
  let deviceOf = new Int32Array(capacity);
  // A topic's number + 1; 0 is free. At most half of a shard are taken.
  const shards = Array.from({ length: shardCount }, () => ({ slots: new Int32Array(firstSlots), taken: 0 }));

  const isSame = (number: number, chunk: Uint8Array, from: number, to: number): boolean => {
    const start = number === 0 ? 0 : (ends[number - 1] ?? 0);
    if ((ends[number] ?? 0) - start !== to - from) return false;
    for (let at = from, own = start; at < to; at += 1, own += 1) if (chunk[at] !== bytes[own]) return false;
    return true;
  };
  const shardOf = (hash: number): Shard => shards[hash >>> 26] as Shard;
  const put = (slots: Int32Array, number: number) => {
    const mask = slots.length - 1;
    let slot = (hashes[number] ?? 0) & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = number + 1;
  };
  const enter = (number: number) => {
    const shard = shardOf(hashes[number] ?? 0);
    if (2 * shard.taken === shard.slots.length) {
      const larger = new Int32Array(2 * shard.slots.length);
      for (const taken of shard.slots) if (taken !== 0) put(larger, taken - 1);
      shard.slots = larger;
    }
    put(shard.slots, number);
    shard.taken += 1;
  };
  const grow = () => {
    capacity *= 2;
    ends = moved(ends, new Uint32Array(capacity));
    hashes = moved(hashes, new Int32Array(capacity));
    siteOf = moved(siteOf, new Int32Array(capacity));
    deviceOf = moved(deviceOf, new Int32Array(capacity));
  };

  return {
    get size() {
      return size;
    },
    find: (chunk, from, to) => {
      const hash = hashOf(chunk, from, to);
      const { slots } = shardOf(hash);
      const mask = slots.length - 1;
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const number = (slots[slot] ?? 0) - 1;
        if (number < 0) return -1;
        if (hashes[number] === hash && isSame(number, chunk, from, to)) return number;
      }
    },
    add: (chunk, from, to, site, device) => {
      if (size === capacity) grow();
      const end = used + to - from;
      if (end > bytes.length) bytes = moved(bytes, new Uint8Array(Math.max(2 * bytes.length, end)));
      bytes.set(chunk.subarray(from, to), used);
      used = end;
      ends[size] = end;
      hashes[size] = hashOf(chunk, from, to);
      siteOf[size] = sites.number(site);
      deviceOf[size] = devices.number(device);
      enter(size);
      size += 1;
      return size - 1;
    },
    site: (number) => sites.text(siteOf[number] ?? -1),
    device: (number) => devices.text(deviceOf[number] ?? -1),
    clear: () => {
      for (const shard of shards) {
        shard.slots.fill(0);
        shard.taken = 0;
      }
      size = used = 0;
      sites.clear();
      devices.clear();
    },
  };
};

interface Shard {
  slots: Int32Array;
  taken: number;
}

const createTexts = () => {
  let texts: string[] = [];
  const numbers = new Map<string, number>();
  return {
    number: (text: string): number => {
      const known = numbers.get(text);
      if (known !== undefined) return known;
      numbers.set(text, texts.length);
      return texts.push(text) - 1;
    },
    text: (number: number): string => texts[number] ?? "",
    clear: () => {
      texts = [];
      numbers.clear();
    },
  };
};

// FNV-1a, with the upper bits brought down to where the mask looks.
const hashOf = (chunk: Uint8Array, from: number, to: number): number => {
  let hash = 0x811c_9dc5;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (chunk[at] ?? 0), 0x0100_0193);
  return hash ^ (hash >>> 15);
};

const moved = <Column extends Uint8Array | Uint32Array | Int32Array>(old: Column, fresh: Column): Column => {
  fresh.set(old);
  return fresh;
};
