import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { duplexPair } from "node:stream";
import { SMTPServer } from "smtp-server";
import { describe, expect, test } from "vitest";
import { createReach } from "./address.ts";
import { createAlertmanager } from "./alertmanager.ts";
import { channelSuite, messageOf, type Receiver } from "./channel.suite.ts";
import type { Channel } from "./channel.ts";
import { type ChatKind, createChat } from "./chat.ts";
import { createEmail } from "./email.ts";
import { createModem } from "./modem.ts";
import { createMqtt } from "./mqtt.ts";
import { createSms } from "./sms.ts";
import { createWebhook } from "./webhook.ts";

const reach = createReach(["127.0.0.0/8", "::1"]);
const now = () => 1_795_000_000_000;
const signal = new AbortController().signal;

interface Web extends Receiver {
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
}

const web = async (make: (url: string) => Channel, answer = "ok"): Promise<Web> => {
  const requests: Web["requests"] = [];
  let status = 200;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      requests.push({ url: request.url ?? "", headers: request.headers, body });
      response.writeHead(status, status === 302 ? { location: "http://127.0.0.1:1/" } : {}).end(answer);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const end = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return {
    channel: make(`http://127.0.0.1:${(server.address() as AddressInfo).port}/in`),
    requests,
    heard: () =>
      requests.map(({ body }) => (body.startsWith("{") || body.startsWith("[") ? body : decodeURIComponent(body))),
    refuse: (how) => {
      status = how === null ? 200 : how === "later" ? 503 : 410;
    },
    end,
    [Symbol.asyncDispose]: end,
  };
};

const webhook = () => web((url) => createWebhook({ name: "hook", url, secret: "s3cret", reach, now }));
const chat = (kind: ChatKind, answer?: string) => () =>
  web((url) => createChat({ name: kind, kind, url, secret: "s", reach, now }), answer);
const alertmanager = () => web((url) => createAlertmanager({ name: "am", url, authorization: "Bearer t", reach }));
const sms = () =>
  web((url) =>
    createSms({
      name: "sms",
      url,
      authorization: null,
      fields: { phone: "{to}", content: "{text}", id: "{key}" },
      format: "form",
      to: ["+8613800000000"],
      reach,
    }),
  );

const mail = async (): Promise<Receiver & { readonly raw: string[] }> => {
  const raw: string[] = [];
  let code: number | null = null;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, _session, done) {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on("end", () => {
        if (code === null) raw.push(text);
        done(code === null ? null : Object.assign(new Error("not now"), { responseCode: code }));
      });
    },
  });
  server.on("error", () => undefined);
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const end = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return {
    channel: createEmail({
      name: "mail",
      host: "127.0.0.1",
      port: (listening.address() as AddressInfo).port,
      security: "none",
      user: null,
      password: null,
      from: "wattlas@example.org",
      to: ["ops@example.org"],
      reach,
    }),
    raw,
    heard: () =>
      raw.map(
        (text) => `${text}${Buffer.from(text.split("\r\n\r\n").slice(1).join("").replaceAll(/\s/g, ""), "base64")}`,
      ),
    refuse: (how) => {
      code = how === null ? null : how === "later" ? 451 : 550;
    },
    end,
    [Symbol.asyncDispose]: end,
  };
};

const endOf = (line: string): number => [...line].findIndex((character) => character === "\r" || character === "\x1a");

/** A modem that knows the commands it needs, over a line with two ends. */
const modem = async (): Promise<Receiver> => {
  const heard: string[] = [];
  let refusal: "later" | "never" | null = null;
  let gone = false;
  const open = async () => {
    if (gone) throw new Error("no such device");
    const [ours, theirs] = duplexPair();
    let line = "";
    theirs.on("data", (chunk: Buffer) => {
      line += chunk.toString("latin1");
      for (let end = endOf(line); end >= 0; end = endOf(line)) {
        const [said, last] = [line.slice(0, end), line[end]];
        line = line.slice(end + 1);
        if (last === "\x1a") {
          heard.push(Buffer.from(said, "hex").swap16().toString("utf16le"));
          theirs.write(refusal === null ? "\r\n+CMGS: 17\r\n\r\nOK\r\n" : "\r\n+CMS ERROR: 500\r\n");
        } else theirs.write(said.startsWith("AT+CMGS=") ? "\r\n> " : "\r\nOK\r\n");
      }
    });
    return ours;
  };
  return {
    channel: createModem({ name: "modem", open, to: ["+8613800000000"] }),
    heard: () => heard,
    refuse: (how) => {
      refusal = how;
    },
    end: async () => {
      gone = true;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
};

describe("webhook", () => channelSuite(webhook));
describe("email", () => channelSuite(mail));
describe("sms", () => channelSuite(sms));
describe("Alertmanager", () => channelSuite(alertmanager));
describe("Slack and Mattermost", () => channelSuite(chat("slack")));
describe("Microsoft Teams", () => channelSuite(chat("teams")));
describe("DingTalk", () => channelSuite(chat("dingtalk", '{"errcode":0}')));
describe("WeCom", () => channelSuite(chat("wecom", '{"errcode":0}')));
describe("Feishu", () => channelSuite(chat("feishu", '{"code":0}')));

describe("what each says", () => {
  test("a webhook is signed over its time and body, and carries its key", async () => {
    await using hook = await webhook();
    await hook.channel.send(messageOf(), signal);
    const [{ headers, body } = { headers: {} as IncomingHttpHeaders, body: "" }] = hook.requests;
    const mac = createHmac("sha256", "s3cret").update(`1795000000.${body}`).digest("hex");
    expect(headers["wattlas-signature"]).toBe(`t=1795000000,v1=${mac}`);
    expect(headers["idempotency-key"]).toBe("k-1");
    expect(JSON.parse(body)).toMatchObject({ occasion: "raised", alerts: [{ rule: "R21" }] });
  });

  test("Alertmanager hears labels, and the end when it is over", async () => {
    await using am = await alertmanager();
    await am.channel.send(
      messageOf({ occasion: "returned", alerts: [{ ...messageOf().alerts[0], returned: 5000 } as never] }),
      signal,
    );
    const [{ url, headers, body } = { url: "", headers: {} as IncomingHttpHeaders, body: "" }] = am.requests;
    expect([url, headers.authorization]).toEqual(["/in/api/v2/alerts", "Bearer t"]);
    expect(JSON.parse(body)).toMatchObject([
      {
        labels: { alertname: "R21", site: "hall", subject: "feed-a", severity: "major" },
        startsAt: "1970-01-01T00:00:01.000Z",
        endsAt: "1970-01-01T00:00:05.000Z",
      },
    ]);
  });

  test("DingTalk and Feishu are signed as their robots check it", async () => {
    await using ding = await chat("dingtalk", '{"errcode":0}')();
    await ding.channel.send(messageOf(), signal);
    const query = new URL(ding.requests[0]?.url ?? "", "http://x").searchParams;
    expect(query.get("sign")).toBe(createHmac("sha256", "s").update(`${now()}\ns`).digest("base64"));
    await using feishu = await chat("feishu", '{"code":0}')();
    await feishu.channel.send(messageOf(), signal);
    const sign = createHmac("sha256", "1795000000\ns").digest("base64");
    expect(JSON.parse(feishu.requests[0]?.body ?? "")).toMatchObject({
      timestamp: "1795000000",
      sign,
      msg_type: "text",
    });
  });

  test("a robot that answers 200 and says no in its text is a failure", async () => {
    await using ding = await chat("dingtalk", '{"errcode":310000,"errmsg":"sign not match"}')();
    expect(await ding.channel.send(messageOf(), signal)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("sign not match"),
    });
  });

  test("a mail's Message-ID is the key of the message", async () => {
    await using box = await mail();
    await box.channel.send(messageOf(), signal);
    expect(box.raw[0]).toContain("Message-ID: <k-1@wattlas>");
    expect(box.raw[0]).toContain("Auto-Submitted: auto-generated");
  });

  test("a text message goes through a modem in UCS-2, a failure of the network is tried again", async () => {
    await using line = await modem();
    expect(await line.channel.send(messageOf(), signal)).toEqual({ ok: true, receipt: "+CMGS 17" });
    expect(line.heard()[0]).toContain("馈线过载");
    line.refuse("later");
    expect(await line.channel.send(messageOf(), signal)).toMatchObject({
      ok: false,
      again: "later",
      reason: expect.stringContaining("+CMS ERROR: 500"),
    });
    await line.end();
    expect(await line.channel.send(messageOf(), signal)).toMatchObject({ ok: false, reason: "no such device" });
  });

  test("a siren's topic is on while alerts are open and off when they returned", async () => {
    const said: unknown[] = [];
    const siren = createMqtt({
      name: "siren",
      topic: "plant/siren",
      payload: "state",
      publish: (message) => said.push(message),
    });
    await siren.send(messageOf(), signal);
    await siren.send(messageOf({ occasion: "returned" }), signal);
    expect(said).toEqual([
      { topic: "plant/siren", payload: "on", retain: true },
      { topic: "plant/siren", payload: "off", retain: true },
    ]);
  });
});

describe("private addresses", () => {
  const closed = createReach([]);

  test("are not sent to unless their network is named", () => {
    for (const address of [
      "127.0.0.1",
      "10.1.2.3",
      "192.168.1.1",
      "169.254.169.254",
      "::1",
      "fd00::1",
      "::ffff:10.0.0.1",
      "0.0.0.0",
    ])
      expect([address, closed.mayReach(address)]).toEqual([address, false]);
    expect(closed.mayReach("8.8.8.8")).toBe(true);
    expect(createReach(["10.0.0.0/8"]).mayReach("10.1.2.3")).toBe(true);
    expect(createReach(["10.0.0.0/8"]).mayReach("192.168.1.1")).toBe(false);
  });

  test("are refused as a literal and behind a name, without a connection", async () => {
    await using server = await web((url) => createWebhook({ name: "hook", url, secret: null, reach: closed, now }));
    expect(await server.channel.send(messageOf(), signal)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("private address"),
    });
    const port = new URL(server.requests[0]?.url ?? "http://x:1").port;
    const named = createWebhook({
      name: "hook",
      url: `http://localhost:${port || 1}/`,
      secret: null,
      reach: closed,
      now,
    });
    expect(await named.send(messageOf(), signal)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("private address"),
    });
    const box = createEmail({
      name: "m",
      host: "localhost",
      port: 25,
      security: "none",
      user: null,
      password: null,
      from: "a@b.c",
      to: ["d@e.f"],
      reach: closed,
    });
    expect(await box.send(messageOf(), signal)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("private address"),
    });
    expect(server.requests).toEqual([]);
  });

  test("a redirect is not followed", async () => {
    let turned = 0;
    const server = createServer((_request, response) => {
      turned += 1;
      response.writeHead(302, { location: "/" }).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const hook = createWebhook({ name: "hook", url: `http://127.0.0.1:${port}/`, secret: null, reach, now });
    expect(await hook.send(messageOf(), signal)).toMatchObject({ ok: false, again: "never" });
    expect(turned).toBe(1);
    server.close();
  });
});
