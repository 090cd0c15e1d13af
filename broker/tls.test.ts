import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BrokerSettings, brokerSchema } from "./config.ts";
import { hashPassword } from "./hash.ts";
import { type Rig, startTestBroker, until } from "./server.rig.ts";

const run = promisify(execFile);
let folder = "";
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wattlas-tls-"));
  await authority("ca");
  await authority("stranger");
  await certificate("server", "ca", "localhost", "DNS:localhost,IP:127.0.0.1");
  await certificate("renewed", "ca", "localhost", "DNS:localhost,IP:127.0.0.1");
  await certificate("gw", "ca", "gw", "URI:urn:gw");
  await certificate("alternative", "ca", "Meter 7 of hall 2", "DNS:m-7");
  await certificate("nobody", "ca", "nobody", "DNS:none");
  await certificate("forged", "stranger", "gw", "DNS:gw");
  const password = await hashPassword("a long password");
  await writeFile(
    at("users.yaml"),
    `users:
  - { name: gw, password: "${password}", role: gateway, site: demo }
  - { name: m-7, password: "${password}", role: device, site: demo, device: m-7 }
`,
  );
});

afterAll(() => rm(folder, { recursive: true }));

test("MQTT over TLS takes messages", async () => {
  await using rig = await start();
  const client = await open(rig);
  await client.publishAsync("dc/demo/r-1/telemetry", "{}", { qos: 1 });
  expect(rig.messages).toHaveLength(1);
  expect(rig.messages[0]?.identity).toMatchObject({ user: "anonymous", loopback: true });
});

test("TLS 1.1 and plain text are refused, counted and told", async () => {
  await using rig = await start();
  const port = rig.broker.address.tlsPort ?? 0;
  const old = connectTls({ port, host: "127.0.0.1", maxVersion: "TLSv1.1", minVersion: "TLSv1", ca: await ca() });
  await expect(once(old, "secureConnect")).rejects.toThrow();
  const plain = connectTcp({ port, host: "127.0.0.1" });
  plain.write("GET / HTTP/1.1\r\n\r\n");
  await closed(plain);
  await until(() => rig.refusals.length === 2);
  expect(rig.codes()).toEqual(["BROKER_TLS_FAILED", "BROKER_TLS_FAILED"]);
  expect(rig.refusals[1]?.reason).toContain("TLS handshake failed");
  expect(rig.broker.counters().BROKER_TLS_FAILED).toBe(2);
});

test("a connection over TLS that ended makes room for the next", async () => {
  await using rig = await start({ BROKER_GATEWAY_CONNECTIONS: 1 });
  const first = await open(rig);
  await expect(open(rig)).rejects.toThrow();
  await first.endAsync();
  // The broker hears of the end a moment later.
  for (let again = false; !again; ) {
    again = await open(rig).then(
      () => true,
      () => false,
    );
  }
  expect(rig.codes()[0]).toBe("BROKER_ADDRESS_FULL");
});

test("a handshake that does not come ends in time", async () => {
  await using rig = await start({ BROKER_CONNECT_TIMEOUT_MS: 50 });
  const silent = connectTcp({ port: rig.broker.address.tlsPort ?? 0, host: "127.0.0.1" });
  await closed(silent);
  await until(() => rig.codes().includes("BROKER_TLS_FAILED"));
});

test("stopping does not wait for a handshake that does not come", async () => {
  const rig = await start({ BROKER_CONNECT_TIMEOUT_MS: 600_000 });
  const silent = connectTcp({ port: rig.broker.address.tlsPort ?? 0, host: "127.0.0.1" });
  await once(silent, "connect");
  const end = closed(silent);
  // The first answer shows that the broker has the socket before it as well.
  await open(rig);
  await rig[Symbol.asyncDispose]();
  await end;
});

test("a client certificate stands for its user, by common or alternative name", async () => {
  await using rig = await start(withClients());
  const gateway = await open(rig, "gw");
  await gateway.publishAsync("dc/demo/r-1/telemetry", "{}", { qos: 1 });
  const device = await open(rig, "alternative", { username: "m-7" });
  await device.publishAsync("dc/demo/m-7/telemetry", "{}", { qos: 1 });
  expect(rig.messages.map(({ identity }) => `${identity.user} ${identity.role} ${identity.device}`)).toEqual([
    "gw gateway null",
    "m-7 device m-7",
  ]);
});

test("a certificate of another user, of nobody or of a stranger is refused", async () => {
  await using rig = await start(withClients());
  await expect(open(rig, "gw", { username: "m-7", password: "a long password" })).rejects.toThrow("Not authorized");
  await expect(open(rig, "nobody")).rejects.toThrow("Not authorized");
  await expect(open(rig, "forged")).rejects.toThrow();
  await until(() => rig.refusals.length === 3);
  expect(rig.refusals.map(({ code, reason }) => `${code} ${reason}`)).toEqual([
    'BROKER_CERTIFICATE_REFUSED certificate is of user "gw", not "m-7"',
    'BROKER_CERTIFICATE_REFUSED certificate of "nobody" names no user',
    expect.stringMatching(/^BROKER_CERTIFICATE_REFUSED client certificate: /),
  ]);
});

test("without a certificate a password does, unless a certificate is required", async () => {
  const user = { username: "gw", password: "a long password" };
  {
    await using rig = await start(withClients());
    await open(rig, undefined, user);
    await expect(open(rig, undefined, { ...user, password: "wrong" })).rejects.toThrow("Bad username or password");
  }
  await using rig = await start({ ...withClients(), BROKER_TLS_CLIENT_CERT: "required" });
  await expect(open(rig, undefined, user)).rejects.toThrow();
  await until(() => rig.refusals.length === 1);
  expect(rig.refusals[0]).toMatchObject({ code: "BROKER_CERTIFICATE_REFUSED", reason: "client has no certificate" });
  await open(rig, "gw");
});

test("a certificate that changes is taken without a restart, a faulty one is told and the old one stays", async () => {
  await copyFile(at("server.pem"), at("live.pem"));
  await copyFile(at("server.key"), at("live.key"));
  await using rig = await start({
    BROKER_TLS_CERT_FILE: at("live.pem"),
    BROKER_TLS_KEY_FILE: at("live.key"),
    BROKER_TLS_RELOAD_MS: 10,
  });
  const first = await fingerprint(rig);
  await writeFile(at("live.pem"), "not a certificate");
  // A look may fall into the writing, and another fault be told first.
  await until(() => rig.errors.length > 0);
  expect(await fingerprint(rig)).toBe(first);
  await copyFile(at("renewed.key"), at("live.key"));
  await copyFile(at("renewed.pem"), at("live.pem"));
  let seen = first;
  while (seen === first) seen = await fingerprint(rig);
  await open(rig);
});

test("files that are missing or do not fit refuse the start", async () => {
  await expect(start({ BROKER_TLS_CERT_FILE: at("none.pem") })).rejects.toThrow(
    `cannot read ${at("none.pem")}: set BROKER_TLS_CERT_FILE to a file that is there`,
  );
  await expect(start({ BROKER_TLS_KEY_FILE: at("gw.key") })).rejects.toThrow(
    "are not a certificate and its key in PEM",
  );
});

test("settings that do not go together are faults", () => {
  expect(faults({ BROKER_TLS_PORT: "8883" })).toEqual([
    "BROKER_TLS_CERT_FILE is needed for BROKER_TLS_PORT",
    "BROKER_TLS_KEY_FILE is needed for BROKER_TLS_PORT",
  ]);
  expect(faults({ BROKER_TLS_HOST: "0.0.0.0" })).toEqual([
    'BROKER_TLS_HOST "0.0.0.0" is not loopback and anonymous clients are for loopback only: set BROKER_USERS_FILE',
  ]);
  expect(faults({ BROKER_TLS_CA_FILE: "ca.pem" })).toEqual([
    "BROKER_TLS_CA_FILE names users, so it needs BROKER_USERS_FILE",
  ]);
  expect(faults({ BROKER_TLS_CLIENT_CERT: "required" })).toHaveLength(1);
  expect(faults({ BROKER_GATEWAYS: "10.0.0.1, 10.1.0.0/99" })).toHaveLength(1);
  expect(faults({ BROKER_GATEWAYS: "10.0.0.1, 10.1.0.0/16" })).toEqual([]);
});

function start(settings: Partial<BrokerSettings> = {}): Promise<Rig> {
  return startTestBroker({
    BROKER_TLS_PORT: "any",
    BROKER_TLS_CERT_FILE: at("server.pem"),
    BROKER_TLS_KEY_FILE: at("server.key"),
    ...settings,
  });
}

function withClients(): Partial<BrokerSettings> {
  return { BROKER_USERS_FILE: at("users.yaml"), BROKER_TLS_CA_FILE: at("ca.pem") };
}

async function open(rig: Rig, name?: string, options: { username?: string; password?: string } = {}) {
  const own =
    name === undefined ? {} : { cert: await readFile(at(`${name}.pem`)), key: await readFile(at(`${name}.key`)) };
  const url = `mqtts://127.0.0.1:${rig.broker.address.tlsPort}`;
  return await rig.connect({ url, ca: await ca(), ...own, ...options });
}

/** Also when it ends with a reset. */
function closed(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

async function fingerprint(rig: Rig): Promise<string> {
  const socket = connectTls({ port: rig.broker.address.tlsPort ?? 0, host: "127.0.0.1", ca: await ca() });
  await once(socket, "secureConnect");
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

function ca(): Promise<Buffer> {
  return readFile(at("ca.pem"));
}

async function authority(name: string): Promise<void> {
  await run("openssl", [...fresh(name), "-subj", `/CN=${name}`]);
}

async function certificate(name: string, issuer: string, common: string, alternatives: string): Promise<void> {
  const from = ["-CA", at(`${issuer}.pem`), "-CAkey", at(`${issuer}.key`)];
  const names = ["-subj", `/CN=${common}`, "-addext", `subjectAltName=${alternatives}`];
  await run("openssl", [...fresh(name), ...from, ...names, "-addext", "basicConstraints=critical,CA:FALSE"]);
}

function fresh(name: string): string[] {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  return ["req", "-x509", "-days", "2", ...curve, "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)];
}

function faults(environment: Record<string, string>): string[] {
  const parsed = brokerSchema.safeParse(environment);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path[0] as string} ${message}`);
}
