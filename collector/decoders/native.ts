import { type Candidate, type Decoded, type Decoder, nothing, type Rejection, refuse, type Source } from "./decoder.ts";
import { isObject, type JsonObject, quote, readJson, readText } from "./payload.ts";

/**
 * The native payload (`dc/<site>/…`): `telemetry` is one reading `{ts?, <quantity>: number, …}` or an array of them;
 * `batch` is `{ts?, readings: {<device>: {ts?, …}}}`, `{ts?, readings: [{device, ts?, …}]}` or that array alone;
 * `status` is `online` or `offline` and becomes the quantity `online`.
 */
export const native: Decoder = {
  name: "native",
  matches: ({ address }) => address !== null,
  decode(source) {
    switch (source.address?.kind) {
      case "telemetry":
        return telemetry(source, source.address.site, source.address.device);
      case "batch":
        return batch(source, source.address.site);
      case "status":
        return status(source, source.address.site, source.address.device);
      default:
        // account and alert are our own words on their way out
        return nothing;
    }
  },
};

const telemetry = (source: Source, site: string, device: string): Decoded => {
  const json = readJson(source);
  if (!json.ok) return json.refused;
  if (isObject(json.value)) return { readings: [reading(site, device, json.value, undefined)], rejected: [] };
  if (!Array.isArray(json.value)) {
    return refuse("COLLECTOR_PAYLOAD_SHAPE", `payload ${quote(json.value)} is not an object of quantities`, site);
  }
  return collect(site, json.value, (item) =>
    isObject(item) ? reading(site, device, item, undefined) : shapeFault(site, item),
  );
};

const batch = (source: Source, site: string): Decoded => {
  const json = readJson(source);
  if (!json.ok) return json.refused;
  const whole = json.value;
  const list = Array.isArray(whole) ? whole : isObject(whole) ? whole.readings : undefined;
  const ts = isObject(whole) ? whole.ts : undefined;
  if (Array.isArray(list)) {
    return collect(site, list, (item) => {
      if (!isObject(item)) return shapeFault(site, item);
      const device = item.device;
      if (typeof device === "string") return reading(site, device, item, ts, "device");
      const reason = `reading ${quote(item)} of the batch names no "device"`;
      return { code: "COLLECTOR_DEVICE_INVALID", reason, site };
    });
  }
  if (isObject(list)) {
    return collect(site, Object.entries(list), ([device, item]) =>
      isObject(item) ? reading(site, device, item, ts) : shapeFault(site, item),
    );
  }
  return refuse("COLLECTOR_PAYLOAD_SHAPE", `payload ${quote(whole)} has no "readings" and is no array`, site);
};

const status = (source: Source, site: string, device: string): Decoded => {
  const text = readText(source);
  if (!text.ok) return text.refused;
  const word = text.value.trim().replace(/^"(.*)"$/, "$1");
  if (word !== "online" && word !== "offline") {
    return refuse("COLLECTOR_PAYLOAD_SHAPE", `status ${quote(text.value)} is neither "online" nor "offline"`, site);
  }
  return { readings: [{ site, device, ts: undefined, values: [["online", word === "online" ? 1 : 0]] }], rejected: [] };
};

const reading = (site: string, device: string, item: JsonObject, ts: unknown, except?: "device"): Candidate => {
  const values: (readonly [string, unknown])[] = [];
  for (const key of Object.keys(item)) if (key !== "ts" && key !== except) values.push([key, item[key]]);
  return { site, device, ts: Object.hasOwn(item, "ts") ? item.ts : ts, values };
};

const shapeFault = (site: string, item: unknown): Rejection => ({
  code: "COLLECTOR_PAYLOAD_SHAPE",
  reason: `reading ${quote(item)} is not an object of quantities`,
  site,
});

const collect = <Item>(site: string, items: readonly Item[], read: (item: Item) => Candidate | Rejection): Decoded => {
  if (items.length === 0) return refuse("COLLECTOR_BATCH_EMPTY", "the batch holds no reading", site);
  const readings: Candidate[] = [];
  const rejected: Rejection[] = [];
  for (const item of items) {
    const result = read(item);
    if ("code" in result) rejected.push(result);
    else readings.push(result);
  }
  return { readings, rejected };
};
