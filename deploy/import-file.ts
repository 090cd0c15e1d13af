// npm run import:file -- --file meter.csv --map meter.yaml
import { readFile } from "node:fs/promises";
import mqtt from "mqtt";
import { parse as parseYaml } from "yaml";
import { openCommand } from "./command.ts";
import { standsBefore } from "./import/goes-on.ts";
import { type ImportOptions, importSchema } from "./import/options.ts";
import { type FileRows, readRows } from "./import/rows.ts";

const usage = `usage: npm run import:file -- --file <csv> --map <yaml> [--url mqtt://127.0.0.1:1883] [--api http://127.0.0.1:8080] [--dry-run]
  Publishes the meter data of a file to the broker as readings of its devices; the map says what the file is.
  Interval energies go on from the last stored reading of their meter, which the running product is asked for
  (--api), unless the map gives register_start.
  Every refused row is printed as file:line: code reason. MQTT_USERNAME and MQTT_PASSWORD where the broker asks.
Exit 0: all rows are in, 1: some were refused, 2: cannot.`;

// Enough to keep the broker busy, few enough to wait for.
const inFlight = 500;

const publish = async (url: string, options: ImportOptions, { readings }: FileRows): Promise<void> => {
  const { MQTT_USERNAME: username, MQTT_PASSWORD: password } = process.env;
  const client = await mqtt.connectAsync(url, {
    reconnectPeriod: 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
  try {
    for (let index = 0; index < readings.length; index += inFlight)
      await Promise.all(
        readings
          .slice(index, index + inFlight)
          .map(({ device, ts, value }) =>
            client.publishAsync(
              `dc/${options.site}/${device}/telemetry`,
              JSON.stringify({ ts, [options.quantity]: value }),
              { qos: 1 },
            ),
          ),
      );
  } finally {
    await client.endAsync();
  }
};

const main = async (): Promise<number> => {
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  const { values } = openCommand({
    usage,
    needs: ["file", "map"],
    options: {
      file: { type: "string" },
      map: { type: "string" },
      url: { type: "string", default: "mqtt://127.0.0.1:1883" },
      api: { type: "string", default: "http://127.0.0.1:8080" },
      "dry-run": { type: "boolean", default: false },
    },
  });
  const { file, map } = values;
  try {
    const declared = importSchema.safeParse(parseYaml(await readFile(map, "utf8")));
    if (!declared.success) {
      for (const { path, message } of declared.error.issues) say(`${map}: ${path.join(".")}: ${message}`);
      return 2;
    }
    const bytes = await readFile(file);
    const alone = readRows(bytes, declared.data);
    const isRegister = declared.data.kind.startsWith("interval");
    const goesOn = isRegister && declared.data.register_start === undefined;
    const stands = goesOn
      ? await standsBefore(values.api, declared.data, alone.readings).catch((error: unknown) => {
          const reason = error instanceof Error ? error.message : String(error);
          if (values["dry-run"]) {
            say(`where the register stands was not asked (${reason}): begins at 0`);
            return new Map();
          }
          throw new Error(
            `where the register stands cannot be asked of ${values.api} (${reason}): start the product, give --api, or register_start in the map`,
          );
        })
      : new Map();
    for (const [device, { ts, value }] of stands)
      say(`${device}: goes on from ${value} of ${new Date(ts).toISOString()}`);
    const found = stands.size === 0 ? alone : readRows(bytes, declared.data, stands);
    for (const { line, code, reason } of found.refused) say(`${file}:${line}: ${code} ${reason}`);
    if (!values["dry-run"]) await publish(values.url, declared.data, found);
    const done = values["dry-run"] ? "would be published" : "are acknowledged";
    say(
      `${file} (${found.encoding}): ${found.rows} rows, ${found.refused.length} refused, ${found.readings.length} readings ${done}`,
    );
    // The next file of the meter goes on from here, so that the border is no reset.
    const last = new Map(found.readings.map(({ device, value }) => [device, value]));
    if (isRegister) for (const [device, value] of last) say(`${device}: ${declared.data.quantity} ends at ${value}`);
    return found.refused.length === 0 ? 0 : 1;
  } catch (error) {
    say(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
};

process.exitCode = await main();
