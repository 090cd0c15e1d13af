import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import mqtt from "mqtt";
import { SMTPServer } from "smtp-server";
import { expect, test, vi } from "vitest";
import { hallSite, hotRule } from "./bench/alert-hall.ts";
import { runProduct, startProduct, temporaryFolder } from "./product.ts";

const run = promisify(execFile);
const patient = { timeout: 60_000, interval: 50 };

const listen = async (
  heard: { url: string; key: string; body: string }[],
): Promise<{ server: Server; port: number }> => {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      heard.push({ url: request.url ?? "", key: String(request.headers["idempotency-key"] ?? ""), body });
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
};

test("an alert reaches a webhook, a mailbox, a topic and an Alertmanager, and so does its end, once each", {
  timeout: 480_000,
}, async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const heard: { url: string; key: string; body: string }[] = [];
  const web = await listen(heard);
  const mails: string[] = [];
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, _session, done) {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on("end", () => {
        mails.push(text);
        done();
      });
    },
  });
  const mailbox = smtp.listen(0, "127.0.0.1");
  await once(mailbox, "listening");
  for (const name of ["sites", "rules"]) await mkdir(at(name));
  await writeFile(at("sites/hall.yaml"), hallSite);
  await writeFile(at("rules/r98.yaml"), hotRule);
  await writeFile(at("secret"), "s3cret\n");
  await writeFile(
    at("notify.yaml"),
    `
channels:
  - { name: hook, kind: webhook, url: "http://127.0.0.1:${web.port}/hook", secret_file: ${at("secret")} }
  - { name: am, kind: alertmanager, url: "http://127.0.0.1:${web.port}/am" }
  - { name: mail, kind: email, host: 127.0.0.1, port: ${(mailbox.address() as AddressInfo).port}, security: none, from: w@example.org, to: [ops@example.org], language: zh-CN }
  - { name: siren, kind: mqtt, topic: plant/siren, payload: state }
routes:
  - name: all
    match: { rule: [R98] }
    group_wait_s: 0
    tiers: [{ to: [hook, am, mail, siren] }]
`,
  );
  const environment = {
    ENERGY_SITES_DIR: at("sites"),
    RULES_DIR: at("rules"),
    RULES_NOTIFY_FILE: at("notify.yaml"),
    RULES_NOTIFY_NETWORKS: "127.0.0.0/8",
  };
  let product = await startProduct(at("data"), environment);
  try {
    const siren: string[] = [];
    const client = await mqtt.connectAsync(product.mqttUrl, { reconnectPeriod: 0 });
    client.on("message", (_topic, payload) => siren.push(payload.toString()));
    // The product is killed while it is connected.
    client.on("error", () => undefined);
    await client.subscribeAsync("plant/siren");
    const say = (celsius: number) =>
      client.publishAsync("dc/hall/meter-1/telemetry", JSON.stringify({ power_w: 1000, inlet_c: celsius }), { qos: 1 });

    await say(40);
    await vi.waitFor(() => {
      expect(heard.map(({ url }) => url).sort()).toEqual(["/am/api/v2/alerts", "/hook"]);
      expect(mails).toHaveLength(1);
      expect(siren).toEqual(["on"]);
    }, patient);
    const hook = JSON.parse(heard.find(({ url }) => url === "/hook")?.body ?? "{}");
    expect(hook).toMatchObject({
      occasion: "raised",
      severity: "MAJOR",
      alerts: [{ rule: "R98", subject: "meter-1" }],
    });
    expect(mails[0]).toContain("=?UTF-8?");

    const told = async () => {
      const log = (await (await fetch(`${product.url}/api/v1/deliveries?state=sent`)).json()) as {
        items: { occasion: string }[];
      };
      return log.items.map(({ occasion }) => occasion).sort();
    };
    const four = (occasion: string): string[] => Array(4).fill(occasion);
    await vi.waitFor(async () => expect(await told()).toEqual(four("raised")), patient);

    // A restart that nobody asked for tells nothing again.
    await product.end("SIGKILL");
    client.end(true);
    product = await startProduct(at("data"), environment);
    const again = await mqtt.connectAsync(product.mqttUrl, { reconnectPeriod: 0 });
    await again.publishAsync("dc/hall/meter-1/telemetry", JSON.stringify({ power_w: 1000, inlet_c: 20 }), { qos: 1 });
    await vi.waitFor(() => {
      expect(heard).toHaveLength(4);
      expect(mails).toHaveLength(2);
    }, patient);
    expect(new Set(heard.map(({ key, url }) => `${url} ${key}`)).size).toBeGreaterThanOrEqual(3);
    expect(JSON.parse(heard.findLast(({ url }) => url === "/hook")?.body ?? "{}")).toMatchObject({
      occasion: "returned",
    });
    again.end(true);

    await vi.waitFor(async () => expect(await told()).toEqual([...four("raised"), ...four("returned")]), patient);
    const channels = await (await fetch(`${product.url}/api/v1/channels`)).json();
    expect(channels).toMatchObject({ items: [{ name: "hook", last: { state: "sent" } }, {}, {}, {}] });
    const post = (path: string, body: unknown) =>
      fetch(`${product.url}/api/v1/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    expect((await post("channels/hook/test", {})).status).toBe(200);
    expect((await post("channels/none/test", {})).status).toBe(404);
    const silence = await post("silences", {
      match: { rule: ["R98"] },
      reason: "test",
      by: "Li",
      until: Date.now() + 60_000,
    });
    const { id } = (await silence.json()) as { id: string };
    expect(await (await fetch(`${product.url}/api/v1/silences`)).json()).toMatchObject({
      items: [{ id, state: "active" }],
    });
    expect(await (await post(`silences/${id}/end`, { by: "Li" })).json()).toMatchObject({ state: "over" });
    expect((await post("silences", { match: {}, reason: "test", by: "Li", until: Date.now() + 60_000 })).status).toBe(
      400,
    );

    await vi.waitFor(async () => {
      const audit = (await (await fetch(`${product.url}/api/v1/audit`)).json()) as { items: { what: string }[] };
      expect(audit.items.map(({ what }) => what)).toEqual(expect.arrayContaining(["silence.create", "silence.end"]));
    }, patient);
    const { head } = (await (await fetch(`${product.url}/api/v1/audit/head`)).json()) as { head: string };
    const verify = (...args: string[]) =>
      run(process.execPath, [join(import.meta.dirname, "verify.ts"), ...args], {
        env: { PATH: process.env.PATH, DATA_DIR: at("data") },
      });
    expect((await verify("--from", product.mqttUrl)).stdout).toContain(`✓ `);
    await product.end("SIGTERM");
    expect((await verify("--head", head)).stdout).toContain(head);
    const beyond = head.replace(/^\d+/, (count) => String(Number(count) + 1));
    await expect(verify("--head", beyond)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining("its end is missing"),
    });
  } finally {
    await product.end("SIGTERM");
    web.server.closeAllConnections();
    web.server.close();
    smtp.close();
  }
});

test("a faulty notification file is said with its place, and nothing starts", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "notify.yaml");
  await writeFile(file, "channels:\n  - { name: hook, kind: webhook, url: nowhere, secret_file: /none }\n");
  const { code, output } = await runProduct(folder.path, { RULES_NOTIFY_FILE: file }, ["--check"]);
  expect(code).toBe(1);
  expect(output).toMatch(/notify\.yaml:2:\d+: .*url/);
});
