// npm run audit:verify -- --from mqtt://127.0.0.1:1883
import mqtt from "mqtt";
import { formatHead, type Head, headTopic, parseHead, verifyEvidence } from "#rules";
import { openStore } from "#store";
import { openCommand } from "./command.ts";
import { parseSettings } from "./settings.ts";

const usage = `usage: npm run audit:verify -- [--head <count>:<hash>] [--from mqtt://127.0.0.1:1883]
  Proves that no alert, acknowledgement, silence, permit or rule of the log in DATA_DIR was changed, lost or slipped in.
  A missing end of the log shows only against a head that was kept elsewhere: given, or asked of a broker that retains it.
The product may run meanwhile. Exit 0: all is there, 1: something is wrong, 2: not used so.`;

const retainedWithinMs = 5000;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const end = (text: string): never => {
  process.stderr.write(`audit: ${text}\n`);
  process.exit(1);
};

const { values, refuse } = openCommand({ usage, options: { head: { type: "string" }, from: { type: "string" } } });

async function retainedHead(url: string): Promise<Head> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0 });
  try {
    const heard = new Promise<string>((resolve) =>
      client.once("message", (_topic, payload) => resolve(payload.toString())),
    );
    await client.subscribeAsync(headTopic);
    const late = new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error(`${url} retains no ${headTopic}`)), retainedWithinMs).unref(),
    );
    return parseHead(await Promise.race([heard, late])) ?? end(`${url} retains no head in ${headTopic}`);
  } finally {
    await client.endAsync(true);
  }
}

const given =
  values.head === undefined
    ? null
    : (parseHead(values.head) ?? refuse(`--head is <count>:<64 hexadecimal digits>, got "${values.head}"`));
const outside = given ?? (values.from === undefined ? null : await retainedHead(values.from));
const parsed = parseSettings(process.env);
if (!parsed.ok) end(parsed.faults.map(({ name, message }) => `setting ${name}: ${message}`).join("\n"));
else {
  const store = await openStore(parsed.settings.store, { role: "reader", onError: (error) => say(String(error)) });
  try {
    const { head, links, faults } = await verifyEvidence(store.ledger, outside);
    for (const fault of faults) say(`✗ ${fault}`);
    say(
      `${faults.length === 0 ? "✓" : "✗"} ${head.count} rows in ${links} links, head ${formatHead(head)}${outside === null ? "; no head from outside was given, so a missing end would not show" : ""}`,
    );
    process.exitCode = faults.length === 0 ? 0 : 1;
  } finally {
    await store[Symbol.asyncDispose]();
  }
}
