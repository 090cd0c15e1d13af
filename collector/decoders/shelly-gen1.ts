import { type Candidate, type Decoded, type Decoder, nothing, refuse, type Source } from "./decoder.ts";
import { isObject, type JsonObject, numeric, own, quote, readJson, readText } from "./payload.ts";
import { celsiusOf, channelOf, deviceTime, type Place, placeOf, put, type Values } from "./shelly.ts";

/**
 * Shelly Gen1: bare numbers as text under `shellies/<device>/…` and a JSON `info`. Emeter channels 0, 1, 2 are the
 * lines l1, l2, l3 of one device, whether it is a 3EM (three phases) or an EM (two clamps); relays, rollers and lights
 * are channels (see `shelly.ts`). Registers: an emeter's `total` is Wh, a relay's `energy` and a meter's `total` are
 * watt-minutes. An emeter's `energy` is the same watt-minutes since the last restart, so `total` alone is read.
 */
export const shellyGen1: Decoder = {
  name: "shelly-gen1",
  matches: ({ levels }) => levels[0] === "shellies" && levels.length >= 2,
  decode(source) {
    const { levels } = source;
    const last = levels.at(-1) ?? "";
    if (last === "announce" || last === "command") return nothing;
    if (last === "info") return info(source, placeOf(levels.slice(0, -1), source.site));

    // …/<part>/<n> and …/<part>/<n>/<field>
    for (const [end, field] of [
      [levels.length - 1, ""],
      [levels.length - 2, last],
    ] as const) {
      const part = levels[end - 1] ?? "";
      const channel = levels[end] ?? "";
      if (end < 3 || !parts.has(part) || !/^\d$/.test(channel)) continue;
      const place = placeOf(levels.slice(0, end - 1), source.site);
      return channelField(source, place, part, Number(channel), field);
    }
    const plain = deviceTopics.get(last);
    if (plain !== undefined && levels.length >= 3) {
      return scalar(source, placeOf(levels.slice(0, -1), source.site), plain);
    }
    const reason = `the topic "${source.topic.slice(0, 200)}" is no known Shelly Gen1 topic`;
    return refuse("COLLECTOR_TOPIC_UNKNOWN", reason, source.site);
  },
};

/** Quantity and the factor into its unit; null says nothing about energy. */
type Meaning = { readonly quantity: string; readonly factor: number } | null;

const as = (quantity: string, factor = 1): Meaning => ({ quantity, factor });
const wattMinutes = 1 / 60;

const deviceTopics = new Map<string, Meaning>([
  ["online", as("online")],
  ["temperature", as("temperature_c")],
  ["voltage", as("voltage_v")],
  ["temperature_f", null],
  ["temperature_status", null],
  ["overtemperature", null],
]);

const parts = new Set(["emeter", "relay", "roller", "light", "white", "color", "input", "input_event", "longpush"]);

const relayFields = new Map<string, Meaning>([
  ["", as("switch_on")],
  ["power", as("power_w")],
  ["energy", as("energy_import_wh", wattMinutes)],
  ["overpower_value", null],
  ["command", null],
  ["set", null],
  ["status", null],
  ["pos", null],
]);

const emeterFields = new Map<string, (line: string) => Meaning>([
  ["power", (line) => as(`power_${line}_w`)],
  ["reactive_power", (line) => as(`reactive_power_${line}_var`)],
  ["voltage", (line) => as(`voltage_${line}_v`)],
  ["current", (line) => as(`current_${line}_a`)],
  ["pf", (line) => as(`power_factor_${line}`)],
  ["total", (line) => as(`energy_import_${line}_wh`)],
  ["total_returned", (line) => as(`energy_export_${line}_wh`)],
  ["energy", () => null],
  ["returned_energy", () => null],
]);

const channelField = (source: Source, place: Place, part: string, channel: number, field: string): Decoded => {
  if (part.startsWith("input") || part === "longpush") return nothing;
  if (part === "roller" && field === "") return nothing; // "open", "close", "stop"
  if (part === "emeter") {
    const line = lineOf(channel);
    const meaning = emeterFields.get(field)?.(line);
    if (meaning !== undefined) return scalar(source, place, meaning);
  } else {
    const meaning = relayFields.get(field);
    if (meaning !== undefined) return scalar(source, channelOf(place, channel), meaning);
  }
  const reason = `field ${quote(field)} of ${part} ${channel} is not known`;
  return refuse("COLLECTOR_TOPIC_UNKNOWN", reason, place.site);
};

const lineOf = (channel: number): string => `l${channel + 1}`;

const scalar = (source: Source, place: Place, meaning: Meaning): Decoded => {
  if (meaning === null) return nothing;
  const text = readText(source);
  if (!text.ok) return text.refused;
  const word = text.value.trim();
  // a relay that tripped says "overpower" and is off
  const value = word === "on" || word === "true" ? 1 : offWords.has(word) ? 0 : numeric(word);
  const scaled = typeof value === "number" ? value * meaning.factor : value;
  return { readings: [{ ...place, ts: undefined, values: [[meaning.quantity, scaled]] }], rejected: [] };
};

const offWords = new Set(["off", "false", "overpower"]);

/** The whole device at once; `unixtime` is UTC, `meters[].timestamp` is local time and not used. */
const info = (source: Source, place: Place): Decoded => {
  const json = readJson(source);
  if (!json.ok) return json.refused;
  if (!isObject(json.value)) {
    return refuse("COLLECTOR_PAYLOAD_SHAPE", `info ${quote(json.value)} is not an object`, place.site);
  }
  const status = json.value;
  const ts = deviceTime(own(status, "unixtime"));
  const byChannel = new Map<number, Values>();
  const of = (channel: number): Values => {
    const values = byChannel.get(channel) ?? [];
    byChannel.set(channel, values);
    return values;
  };

  listOf(status, "emeters").forEach((meter, channel) => {
    if (own(meter, "is_valid") === false) return;
    for (const [field, meaningOf] of emeterFields) {
      const meaning = meaningOf(lineOf(channel));
      if (meaning !== null) put(of(0), meaning.quantity, own(meter, field));
    }
    // `info` calls it "reactive"
    put(of(0), `reactive_power_${lineOf(channel)}_var`, own(meter, "reactive"));
  });
  put(of(0), "power_w", own(status, "total_power"));
  listOf(status, "meters").forEach((meter, channel) => {
    if (own(meter, "is_valid") === false) return;
    put(of(channel), "power_w", own(meter, "power"));
    const total = numeric(own(meter, "total"));
    put(of(channel), "energy_import_wh", typeof total === "number" ? total * wattMinutes : total);
  });
  listOf(status, "relays").forEach((relay, channel) => {
    put(of(channel), "switch_on", own(relay, "ison"));
  });
  put(of(0), "temperature_c", celsiusOf(status, "tmp"));

  const readings: Candidate[] = [];
  for (const [channel, values] of byChannel) {
    if (values.length > 0) readings.push({ ...channelOf(place, channel), ts, values });
  }
  return { readings, rejected: [] };
};

const listOf = (status: JsonObject, key: string): readonly JsonObject[] => {
  const list = own(status, key);
  return Array.isArray(list) ? list.map((item) => (isObject(item) ? item : {})) : [];
};
