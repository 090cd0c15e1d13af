import { type Candidate, type Decoded, type Decoder, nothing, refuse, type Source } from "./decoder.ts";
import { isObject, type JsonObject, own, quote, readJson, readText } from "./payload.ts";
import { celsiusOf, channelOf, deviceTime, isOnlineTopic, type Place, placeOf, put, type Values } from "./shelly.ts";

/**
 * Shelly Gen2, Gen3, Gen4: `<prefix>/events/rpc` (NotifyStatus, NotifyFullStatus), `<prefix>/status/<component>` and
 * `<prefix>/online`. Components em, em1, emdata, em1data, pm1, switch, cover, light and temperature become quantities;
 * the others say nothing about energy. Powers are signed as the device signs them: a reversed CT stays visible.
 * Energies are Wh. Device and channel names: see `shelly.ts`.
 */
export const shellyGen2: Decoder = {
  name: "shelly-gen2",
  matches(topic) {
    const { levels } = topic;
    const last = levels.at(-1) ?? "";
    const before = levels.at(-2);
    if (levels.length >= 3 && before === "events" && last === "rpc") return true;
    if (levels.length >= 3 && before === "status" && componentTopic.test(last)) return true;
    return isOnlineTopic(topic);
  },
  decode(source) {
    const last = source.levels.at(-1) ?? "";
    if (last === "online") return online(source);
    const place = placeOf(source.levels.slice(0, -2), source.site);
    const json = readJson(source);
    if (!json.ok) return json.refused;
    if (!isObject(json.value)) {
      return refuse("COLLECTOR_PAYLOAD_SHAPE", `payload ${quote(json.value)} is not an object`, place.site);
    }
    if (source.levels.at(-2) === "events") return notification(place, json.value);
    return components(place, undefined, [[last, json.value]]);
  },
};

// https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices: components without a channel, and `<name>:<id>`
const componentTopic =
  /^(?:[a-z0-9_]+:\d{1,4}|sys|mqtt|wifi|eth|cloud|ble|ws|modbus|ui|script|knx|matter|zigbee|bthome)$/;

const online = (source: Source): Decoded => {
  const place = placeOf(source.levels.slice(0, -1), source.site);
  const text = readText(source);
  if (!text.ok) return text.refused;
  const word = text.value.trim();
  if (word !== "true" && word !== "false") {
    return refuse("COLLECTOR_PAYLOAD_SHAPE", `online ${quote(text.value)} is neither "true" nor "false"`, place.site);
  }
  return { readings: [{ ...place, ts: undefined, values: [["online", word === "true" ? 1 : 0]] }], rejected: [] };
};

const notification = (place: Place, message: JsonObject): Decoded => {
  const method = own(message, "method");
  const params = own(message, "params");
  if (method === "NotifyEvent") return nothing; // button presses and the like
  if ((method !== "NotifyStatus" && method !== "NotifyFullStatus") || !isObject(params)) {
    return refuse("COLLECTOR_PAYLOAD_SHAPE", `method ${quote(method)} is no status notification`, place.site);
  }
  return components(place, deviceTime(own(params, "ts")), Object.entries(params));
};

/** Components of one message; those of one channel are one reading. */
const components = (
  place: Place,
  ts: number | undefined,
  entries: readonly (readonly [string, unknown])[],
): Decoded => {
  const byChannel = new Map<number, Map<string, unknown>>();
  for (const [key, status] of entries) {
    const [name = "", id = "0"] = key.split(":");
    const read = readers.get(name);
    if (read === undefined || !isObject(status)) continue;
    const channel = Number(id);
    if (!Number.isSafeInteger(channel) || channel < 0) continue;
    const values: Values = [];
    read(status, values);
    const merged = byChannel.get(channel) ?? new Map<string, unknown>();
    // a meter and a probe of one channel both know a temperature: the first said stays
    for (const [quantity, value] of values) if (!merged.has(quantity)) merged.set(quantity, value);
    byChannel.set(channel, merged);
  }
  const readings: Candidate[] = [];
  for (const [channel, values] of byChannel) {
    if (values.size > 0) readings.push({ ...channelOf(place, channel), ts, values: [...values] });
  }
  return { readings, rejected: [] };
};

type Reader = (status: JsonObject, values: Values) => void;

const phases = [
  ["a", "l1"],
  ["b", "l2"],
  ["c", "l3"],
] as const;

const threePhase: Reader = (status, values) => {
  for (const [letter, line] of phases) {
    put(values, `power_${line}_w`, own(status, `${letter}_act_power`));
    put(values, `apparent_power_${line}_va`, own(status, `${letter}_aprt_power`));
    put(values, `voltage_${line}_v`, own(status, `${letter}_voltage`));
    put(values, `current_${line}_a`, own(status, `${letter}_current`));
    put(values, `power_factor_${line}`, own(status, `${letter}_pf`));
  }
  put(values, "current_n_a", own(status, "n_current"));
  put(values, "frequency_hz", own(status, "a_freq"));
  put(values, "power_w", own(status, "total_act_power"));
  put(values, "apparent_power_va", own(status, "total_aprt_power"));
  put(values, "current_a", own(status, "total_current"));
};

const threePhaseEnergy: Reader = (status, values) => {
  for (const [letter, line] of phases) {
    put(values, `energy_import_${line}_wh`, own(status, `${letter}_total_act_energy`));
    put(values, `energy_export_${line}_wh`, own(status, `${letter}_total_act_ret_energy`));
  }
  put(values, "energy_import_wh", own(status, "total_act"));
  put(values, "energy_export_wh", own(status, "total_act_ret"));
};

const onePhase: Reader = (status, values) => {
  put(values, "power_w", own(status, "act_power"));
  put(values, "apparent_power_va", own(status, "aprt_power"));
  electrical(status, values);
};

const onePhaseEnergy: Reader = (status, values) => {
  put(values, "energy_import_wh", own(status, "total_act_energy"));
  put(values, "energy_export_wh", own(status, "total_act_ret_energy"));
};

const metered: Reader = (status, values) => {
  put(values, "power_w", own(status, "apower"));
  electrical(status, values);
  put(values, "energy_import_wh", totalOf(status, "aenergy"));
  put(values, "energy_export_wh", totalOf(status, "ret_aenergy"));
  put(values, "switch_on", own(status, "output"));
  put(values, "temperature_c", celsiusOf(status, "temperature"));
};

const electrical: Reader = (status, values) => {
  put(values, "voltage_v", own(status, "voltage"));
  put(values, "current_a", own(status, "current"));
  put(values, "power_factor", own(status, "pf"));
  put(values, "frequency_hz", own(status, "freq"));
};

const totalOf = (status: JsonObject, key: string): unknown => {
  const register = own(status, key);
  return isObject(register) ? own(register, "total") : undefined;
};

const readers = new Map<string, Reader>([
  ["em", threePhase],
  ["emdata", threePhaseEnergy],
  ["em1", onePhase],
  ["em1data", onePhaseEnergy],
  ["pm1", metered],
  ["switch", metered],
  ["cover", metered],
  ["light", metered],
  ["temperature", (status, values) => put(values, "temperature_c", own(status, "tC"))],
  ["humidity", (status, values) => put(values, "humidity_pct", own(status, "rh"))],
]);
