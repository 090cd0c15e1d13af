// One connection's PUBLISH packets, encoded once and end to end in one buffer. Sending is patching digits in place and
// writing a slice; nothing is formatted, allocated or copied per message.
//
//   slot 0          slot 1          slot 2 …
//   PUBLISH id 1    PUBLISH id 2    PUBLISH id 3
//   ts, register and number have a fixed width, so that their places never move
import { generate } from "mqtt-packet";

export interface Device {
  readonly site: string;
  readonly device: string;
  readonly powerW: number;
}

const tsDigits = 13;
const registerDigits = 11;
const numberDigits = 7;
/** More numbers than this do not fit behind the decimal point. */
export const mostNumbers = 10 ** numberDigits;
const voltage = 230;
// Registers begin with 2026: a megawatt needs ten digits by the end of the year.
const epoch = Date.UTC(2026, 0, 1);
const msPerHour = 3_600_000;

const zeros = (digits: number): string => "0".repeat(digits);

/** Six values. The voltage carries the number of the message: 230.0000042 is number 42. */
const payload = (powerW: number): string =>
  `{"ts":1${zeros(tsDigits - 1)},"power_w":${powerW},"energy_import_wh":1${zeros(registerDigits)},` +
  `"voltage_l1_v":${voltage}.${zeros(numberDigits)},"current_l1_a":${(powerW / voltage).toFixed(1)},"power_factor":0.98,"inlet_c":24}`;

/** The number that a stored voltage carries. */
export const numberOf = (volts: number): number => Math.round((volts - voltage) * mostNumbers);

/** Racks, grid meter and cooling meter of one site as `deploy/estate.ts` models it; the balance closes. */
export function estateDevices(site: string, racks: number): Device[] {
  const rackW = 4000;
  return [
    ...Array.from({ length: racks }, (_, rack) => ({ site, device: `r-${rack + 1}`, powerW: rackW })),
    { site, device: "cooling-1", powerW: 0.25 * racks * rackW },
    { site, device: "grid-1", powerW: 1.25 * racks * rackW },
  ];
}

export interface Ring {
  readonly slots: number;
  /** Bytes of the packets `from` (inclusive) to `to` (exclusive), a view. */
  slice(from: number, to: number): Uint8Array;
  /** Makes the packet a new message of this moment; returns its device, an index into the given list. */
  stamp(slot: number, now: number): number;
}

/** `numbers` and `lastTs` are counted on, by device. A device comes up again only after `leastSlots` others. */
export function createRing(
  devices: readonly Device[],
  options: {
    readonly qos: 0 | 1;
    readonly leastSlots: number;
    readonly numbers: Int32Array;
    readonly lastTs: Float64Array;
  },
): Ring {
  const slots = devices.length * Math.ceil(options.leastSlots / devices.length);
  if (slots > 65_535) throw new Error(`${slots} packets on one connection do not fit 65535 packet ids: open more`);
  const packets = Array.from({ length: slots }, (_, slot) => {
    const device = devices[slot % devices.length];
    if (device === undefined) throw new Error("BUG: a connection without devices");
    const topic = `dc/${device.site}/${device.device}/telemetry`;
    const base = { cmd: "publish", topic, payload: payload(device.powerW), dup: false, retain: false } as const;
    return generate(options.qos === 1 ? { ...base, qos: 1, messageId: slot + 1 } : { ...base, qos: 0 });
  });
  const bytes = Buffer.concat(packets);
  const starts = new Int32Array(slots + 1);
  const places = { ts: new Int32Array(slots), register: new Int32Array(slots), number: new Int32Array(slots) };
  for (const [slot, packet] of packets.entries()) {
    const start = starts[slot] ?? 0;
    starts[slot + 1] = start + packet.length;
    places.ts[slot] = start + packet.indexOf('"ts":') + 5;
    places.register[slot] = start + packet.indexOf('_wh":1') + 6;
    places.number[slot] = start + packet.indexOf(`:${voltage}.`) + 5;
  }

  const writeDigits = (at: number, width: number, value: number): void => {
    let rest = value;
    for (let place = at + width - 1; place >= at; place--) {
      const next = Math.floor(rest / 10);
      bytes[place] = 48 + (rest - next * 10);
      rest = next;
    }
  };

  return {
    slots,
    slice: (from, to) => bytes.subarray(starts[from], starts[to]),
    stamp(slot, now) {
      const index = slot % devices.length;
      const powerW = devices[index]?.powerW ?? 0;
      const ts = Math.max(now, (options.lastTs[index] ?? 0) + 1);
      const number = options.numbers[index] ?? 0;
      options.lastTs[index] = ts;
      options.numbers[index] = number + 1;
      writeDigits(places.ts[slot] ?? 0, tsDigits, ts);
      writeDigits(places.register[slot] ?? 0, registerDigits, Math.floor((powerW * (ts - epoch)) / msPerHour));
      writeDigits(places.number[slot] ?? 0, numberDigits, number);
      return index;
    },
  };
}
