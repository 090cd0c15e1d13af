// Names as numbers. Racks of many sites have the same names, so each text is kept once; which pairs are devices is in
// columns, some 25 bytes a device.
//
//   site ─▶ number ─┐
//                   ├─▶ shard ─▶ slot (open addressing) ─▶ device's number ─▶ numbers of its texts
//   name ─▶ number ─┘
//
// Each shard grows by itself: to put 262,144 devices into larger slots at once held the broker's thread for 18 ms.

export interface DeviceName {
  readonly site: string;
  readonly device: string;
}

/** The devices of a book, in the order of their numbers. */
export interface DeviceList {
  readonly length: number;
  at(number: number): DeviceName | undefined;
  /** Those from a number on. */
  slice(from: number): DeviceName[];
}

/** Devices numbered from 0 in the order they come; a number never changes its meaning. */
export interface DeviceTable extends DeviceList {
  /** Its number if it has one. */
  find(site: string, device: string): number | undefined;
  /** Its number; the next one for a new device. */
  number(site: string, device: string): number;
}

const shardCount = 64;
const firstSlots = 32;

export const createDeviceTable = (): DeviceTable => {
  const sites = createTexts();
  const names = createTexts();
  let [capacity, count] = [1024, 0];
  let siteOf = new Int32Array(capacity);
  let nameOf = new Int32Array(capacity);
  // A device's number + 1; 0 is free. At most half of a shard are taken.
  const shards = Array.from({ length: shardCount }, () => ({ slots: new Int32Array(firstSlots), taken: 0 }));

  const shardOf = (hash: number): Shard => shards[hash >>> 26] as Shard;
  /** Where the pair is in its shard, or where there is room for it. */
  const slotOf = (slots: Int32Array, hash: number, site: number, name: number): number => {
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const number = (slots[slot] ?? 0) - 1;
      if (number < 0 || (siteOf[number] === site && nameOf[number] === name)) return slot;
    }
  };
  const grow = () => {
    capacity *= 2;
    siteOf = moved(siteOf, capacity);
    nameOf = moved(nameOf, capacity);
  };
  const widen = (shard: Shard) => {
    const larger = new Int32Array(2 * shard.slots.length);
    for (const taken of shard.slots) {
      if (taken === 0) continue;
      const [site, name] = [siteOf[taken - 1] ?? 0, nameOf[taken - 1] ?? 0];
      larger[slotOf(larger, mixed(site, name), site, name)] = taken;
    }
    shard.slots = larger;
  };
  const at = (number: number): DeviceName | undefined => {
    if (!(number >= 0 && number < count)) return undefined;
    return { site: sites.text(siteOf[number] ?? 0), device: names.text(nameOf[number] ?? 0) };
  };

  return {
    get length() {
      return count;
    },
    at,
    slice: (from) => {
      const found: DeviceName[] = [];
      for (let number = from; number < count; number += 1) found.push(at(number) as DeviceName);
      return found;
    },
    find: (site, device) => {
      const [siteNumber, nameNumber] = [sites.find(site), names.find(device)];
      if (siteNumber === undefined || nameNumber === undefined) return undefined;
      const hash = mixed(siteNumber, nameNumber);
      const { slots } = shardOf(hash);
      const number = (slots[slotOf(slots, hash, siteNumber, nameNumber)] ?? 0) - 1;
      return number < 0 ? undefined : number;
    },
    number: (site, device) => {
      const [siteNumber, nameNumber] = [sites.number(site), names.number(device)];
      const hash = mixed(siteNumber, nameNumber);
      const shard = shardOf(hash);
      const slot = slotOf(shard.slots, hash, siteNumber, nameNumber);
      const known = (shard.slots[slot] ?? 0) - 1;
      if (known >= 0) return known;
      siteOf[count] = siteNumber;
      nameOf[count] = nameNumber;
      shard.slots[slot] = count + 1;
      shard.taken += 1;
      count += 1;
      if (count === capacity) grow();
      if (2 * shard.taken === shard.slots.length) widen(shard);
      return count - 1;
    },
  };
};

interface Shard {
  slots: Int32Array;
  taken: number;
}

const createTexts = () => {
  const texts: string[] = [];
  const numbers = new Map<string, number>();
  return {
    find: (text: string): number | undefined => numbers.get(text),
    number: (text: string): number => {
      const known = numbers.get(text);
      if (known !== undefined) return known;
      numbers.set(text, texts.length);
      return texts.push(text) - 1;
    },
    text: (number: number): string => texts[number] ?? "",
  };
};

// Odd factors spread neighbours over the slots; the shift brings the upper bits down to where the mask looks.
const mixed = (site: number, name: number): number => {
  const hash = Math.imul(site + 1, 0x9e37_79b1) ^ Math.imul(name + 1, 0x85eb_ca6b);
  return hash ^ (hash >>> 15);
};

const moved = (old: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> => {
  const fresh = new Int32Array(size);
  fresh.set(old);
  return fresh;
};
