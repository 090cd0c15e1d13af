import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseRecords } from "./journal.ts";
import { startTestBroker, until } from "./server.rig.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "wattlas-broker-"));
});
afterEach(() => rm(dir, { recursive: true }));

const planner = { clientId: "planner", clean: false };

test("retained messages and a session with its messages outlive a restart", async () => {
  {
    await using rig = await startTestBroker({}, { dir });
    const client = await rig.connect(planner);
    await client.subscribeAsync("dc/demo/+/status", { qos: 1 });
    await client.endAsync();
    const device = await rig.connect();
    await device.publishAsync("dc/demo/r-1/status", "on", { qos: 1, retain: true });
    await device.publishAsync("dc/demo/r-2/status", "off", { qos: 1 });
  }
  await using rig = await startTestBroker({}, { dir });
  expect(rig.broker.counters()).toMatchObject({ retained: 1, sessions: 1 });
  const received: string[] = [];
  const again = await rig.connect({ ...planner, onMessage: (topic, payload) => received.push(`${topic} ${payload}`) });
  await until(() => received.length === 2);
  expect(received).toEqual(["dc/demo/r-1/status on", "dc/demo/r-2/status off"]);
  const device = await rig.connect();
  await device.publishAsync("dc/demo/r-3/status", "new", { qos: 1 });
  await until(() => received.length === 3);
  const late: string[] = [];
  const screen = await rig.connect({ onMessage: (topic) => late.push(topic) });
  await screen.subscribeAsync("dc/#");
  await until(() => late.length === 1);
  expect(late).toEqual(["dc/demo/r-1/status"]);
  await again.endAsync();
});

test("what was acknowledged does not come again after a restart", async () => {
  {
    await using rig = await startTestBroker({}, { dir });
    const received: string[] = [];
    const client = await rig.connect({ ...planner, onMessage: (_, payload) => received.push(payload) });
    await client.subscribeAsync("dc/demo/+/status", { qos: 1 });
    const device = await rig.connect();
    for (const text of ["1", "2", "3"]) await device.publishAsync("dc/demo/r-1/status", text, { qos: 1 });
    await until(() => received.length === 3);
    await client.endAsync();
    await device.publishAsync("dc/demo/r-1/status", "4", { qos: 1 });
  }
  await using rig = await startTestBroker({}, { dir });
  const received: string[] = [];
  await rig.connect({ ...planner, onMessage: (_, payload) => received.push(payload) });
  await until(() => received.length > 0);
  expect(received).toEqual(["4"]);
});

test("filters taken back and clean connections are remembered as well", async () => {
  {
    await using rig = await startTestBroker({}, { dir });
    const client = await rig.connect(planner);
    await client.subscribeAsync(["dc/demo/+/status", "dc/demo/alert/#"], { qos: 1 });
    await client.unsubscribeAsync("dc/demo/+/status");
    await client.endAsync();
    const other = await rig.connect({ clientId: "other", clean: false });
    await other.subscribeAsync("dc/#", { qos: 1 });
    await other.endAsync();
    const clean = await rig.connect({ clientId: "other", clean: true });
    await clean.endAsync();
  }
  await using rig = await startTestBroker({}, { dir });
  expect(rig.broker.counters().sessions).toBe(1);
  await rig.broker.publish({ topic: "dc/demo/r-1/status", payload: "1", qos: 1, retain: false });
  await rig.broker.publish({ topic: "dc/demo/alert/R04/r-1", payload: "2", qos: 1, retain: false });
  const received: string[] = [];
  await rig.connect({ ...planner, onMessage: (_, payload) => received.push(payload) });
  await until(() => received.length > 0);
  expect(received).toEqual(["2"]);
});

test("a session belongs to its user after a restart too", async () => {
  {
    await using rig = await startTestBroker({}, { dir });
    await (await rig.connect(planner)).endAsync();
  }
  await using rig = await startTestBroker({}, { dir, systemPassword: "secret" });
  await expect(rig.connect({ ...planner, username: "wattlas", password: "secret" })).rejects.toThrow();
  expect(rig.codes()).toEqual(["BROKER_CLIENT_ID_REFUSED"]);
});

test("a session nobody came back for ends with its time", async () => {
  let time = 1_795_219_200_000;
  const deps = { dir, now: () => time };
  {
    await using rig = await startTestBroker({ BROKER_SESSION_DAYS: 2 }, deps);
    const client = await rig.connect(planner);
    await client.subscribeAsync("dc/#", { qos: 1 });
    await client.endAsync();
  }
  time += 3 * 86_400_000;
  {
    await using rig = await startTestBroker({ BROKER_SESSION_DAYS: 2 }, deps);
    expect(rig.broker.counters().sessions).toBe(0);
  }
  time -= 3 * 86_400_000;
  await using rig = await startTestBroker({ BROKER_SESSION_DAYS: 2 }, deps);
  expect(rig.broker.counters().sessions).toBe(0);
});

test("a session too many is refused, and counted", async () => {
  await using rig = await startTestBroker({ BROKER_SESSIONS: 1 });
  await (await rig.connect(planner)).endAsync();
  await expect(rig.connect({ clientId: "second", clean: false })).rejects.toThrow("Server unavailable");
  expect(rig.codes()).toEqual(["BROKER_SESSIONS_FULL"]);
  await rig.connect({ clientId: "second", clean: true });
  await rig.connect(planner);
});

test("messages to a session that is away are bounded over restarts", async () => {
  const settings = { BROKER_QUEUE: 2 };
  {
    await using rig = await startTestBroker(settings, { dir });
    const client = await rig.connect(planner);
    await client.subscribeAsync("dc/demo/+/status", { qos: 1 });
    await client.endAsync();
    await rig.broker.publish({ topic: "dc/demo/r-1/status", payload: "1", qos: 1, retain: false });
  }
  await using rig = await startTestBroker(settings, { dir });
  for (const payload of ["2", "3"]) {
    await rig.broker.publish({ topic: "dc/demo/r-1/status", payload, qos: 1, retain: false });
  }
  expect(rig.codes()).toEqual(["BROKER_QUEUE_FULL"]);
});

test("damage in the folder is told and the rest is kept", async () => {
  {
    await using rig = await startTestBroker({}, { dir });
    for (const n of [1, 2]) {
      await rig.broker.publish({ topic: `dc/demo/r-${n}/status`, payload: "x", qos: 0, retain: true });
    }
  }
  for (const name of await readdir(dir)) {
    const text = await readFile(join(dir, name), "utf8");
    await writeFile(join(dir, name), text.replace("r-1", "r-9"));
  }
  await using rig = await startTestBroker({}, { dir });
  expect(rig.broker.counters().retained).toBe(1);
  expect(rig.errors.map(String)).toEqual([expect.stringContaining("damaged records in")]);
});

test("a killed broker comes back with what it had written", async () => {
  const expected: string[] = [];
  for (let round = 1; round <= 3; round++) {
    const { child, port } = await startProcess();
    const client = await connect(port, planner);
    if (round === 1) await client.subscribeAsync("dc/demo/+/status", { qos: 1 });
    await client.endAsync();
    const device = await connect(port, { clientId: "device", clean: true });
    for (let n = 0; n < 5; n++) {
      const text = `${round}-${n}`;
      await device.publishAsync(`dc/demo/r-${round}/status`, text, { qos: 1, retain: true });
      expected.push(text);
    }
    await device.endAsync();
    await untilWritten((records) => {
      const waiting = records.filter((record) => Array.isArray(record) && record[0] === "q");
      return waiting.some((record) => Array.isArray(record) && record[5] === base64(`${round}-4`));
    });
    child.kill("SIGKILL");
    await once(child, "exit");
    if (round < 3) {
      // What the client takes now must not come again.
      const { child: next, port: nextPort } = await startProcess();
      const received: string[] = [];
      const again = mqtt.connect(`mqtt://127.0.0.1:${nextPort}`, { ...planner, reconnectPeriod: 0 });
      again.on("message", (_, payload) => received.push(payload.toString()));
      await until(() => received.length === expected.length);
      expect(received).toEqual(expected);
      await again.endAsync();
      const taken = new Set(expected.map(base64));
      await untilWritten((records) => {
        const rows = records.filter((record) => Array.isArray(record));
        const ids = rows.flatMap((row) => (row[0] === "q" && taken.has(row[5]) ? [row[2]] : []));
        return ids.length > 0 && ids.every((id) => rows.some((row) => row[0] === "a" && row[2] === id));
      });
      expected.length = 0;
      next.kill("SIGKILL");
      await once(next, "exit");
    }
  }
  await using rig = await startTestBroker({}, { dir });
  expect(rig.broker.counters().retained).toBe(3);
  const received: string[] = [];
  await rig.connect({ ...planner, onMessage: (_, payload) => received.push(payload) });
  await until(() => received.length === expected.length);
  expect(received).toEqual(expected);
});

async function startProcess() {
  const child = spawn(process.execPath, [join(import.meta.dirname, "kept.fixture.ts"), dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return { child, port: Number(String(line)) };
}

async function connect(port: number, options: { clientId: string; clean: boolean }): Promise<MqttClient> {
  return await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { ...options, reconnectPeriod: 0 });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Waits until the folder holds it. */
async function untilWritten(condition: (records: readonly unknown[]) => boolean): Promise<void> {
  for (let found = false; !found; ) {
    const records: unknown[] = [];
    for (const name of await readdir(dir)) {
      // A file may have given way to a newer one meanwhile.
      const bytes = await readFile(join(dir, name)).catch(() => Buffer.alloc(0));
      records.push(...parseRecords(bytes).records);
    }
    found = condition(records);
  }
}
