import { steps } from "../readings.ts";
import { windowStart } from "../rollup.ts";
import type { Catalog } from "./catalog.ts";
import { fieldOf, quantityOf, quoteName, type Row } from "./line.ts";
import { deviceKey } from "./record.ts";
import type { InfluxServer } from "./server.ts";

const hourMs = steps["1h"];
const longestMs = 62 * 24 * hourMs; // roll-ups older than this were made long ago

/** Tells a catalogue that begins anew (lost spool, other machine) which devices the server knows. */
export const learnDevices = async (server: InfluxServer, catalog: Catalog, seq: number): Promise<void> => {
  if (catalog.complete()) return;
  const grouped = 'FROM "reading" GROUP BY "site", "device"';
  const [fields = []] = await server.query(['SHOW FIELD KEYS FROM "reading"']);
  const quantities = fields
    .filter((row) => row.get("fieldType") === "float" && row.get("fieldKey") !== "received")
    .map((row) => quantityOf(String(row.get("fieldKey"))));
  const [counts = [], firsts = [], lasts = [], rolled = [], ...newest] = await server.query([
    `SELECT count("received") AS "readings" ${grouped}`,
    `SELECT first("received") AS "received" ${grouped}`,
    `SELECT last("received") AS "received" ${grouped}`,
    'SELECT last("count") AS "count" FROM "reading_1h" GROUP BY "site", "device"',
    ...quantities.map((name) => `SELECT last(${quoteName(fieldOf(name))}) AS "value" ${grouped}`),
  ]);
  const [firstOf, lastOf, rolledOf] = [firsts, lasts, rolled].map(byDevice);
  const newestOf = newest.map(byDevice);
  for (const row of counts) {
    const [site, device] = [String(row.get("site")), String(row.get("device"))];
    const key = deviceKey(site, device);
    const last = Number(lastOf?.get(key)?.get("time") ?? 0);
    const from = Math.max(Number(rolledOf?.get(key)?.get("time") ?? 0), last - longestMs);
    const dirty: [number, number][] = [];
    for (let hour = windowStart(from, hourMs); hour <= last; hour += hourMs) dirty.push([hour, seq - 1]);
    catalog.learn({
      site,
      device,
      newest: quantities.flatMap((name, index) => {
        const found = newestOf[index]?.get(key);
        return found === undefined ? [] : [[name, Number(found.get("value")), Number(found.get("time"))] as const];
      }),
      first: Number(firstOf?.get(key)?.get("time") ?? last),
      last,
      received: Number(lastOf?.get(key)?.get("received") ?? last),
      readings: Number(row.get("readings") ?? 0),
      dirty,
    });
  }
  catalog.completed();
};

const byDevice = (rows: readonly Row[]): ReadonlyMap<string, Row> =>
  new Map(rows.map((row) => [deviceKey(String(row.get("site")), String(row.get("device"))), row]));
