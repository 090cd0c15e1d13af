import { open, readFile } from "node:fs/promises";
import { Duplex } from "node:stream";
import type { RulesMessage } from "../rules.ts";
import type { Reach } from "./address.ts";
import { createAlertmanager } from "./alertmanager.ts";
import type { Channel } from "./channel.ts";
import { createChat } from "./chat.ts";
import { createEmail } from "./email.ts";
import { createModem } from "./modem.ts";
import { createMqtt } from "./mqtt.ts";
import type { ChannelPlan } from "./plan.ts";
import { createSms } from "./sms.ts";
import { createWebhook } from "./webhook.ts";

export interface ChannelDeps {
  readonly reach: Reach;
  readonly publish: (message: RulesMessage) => void;
  readonly now: () => number;
}

/** Makes a channel of its plan. Throws when the file of its secret cannot be read. */
export const openChannel = async (plan: ChannelPlan, { reach, publish, now }: ChannelDeps): Promise<Channel> => {
  const { name } = plan;
  const secret = await secretOf(plan);
  switch (plan.kind) {
    case "webhook":
      return createWebhook({ name, url: plan.url, secret, reach, now });
    case "alertmanager":
      return createAlertmanager({ name, url: plan.url, authorization: secret, reach });
    case "email": {
      const { host, port, security, user = null, from, to } = plan;
      return createEmail({ name, host, port, security, user, password: secret, from, to, reach });
    }
    case "sms": {
      const { url, fields, format, to } = plan;
      return createSms({ name, url, authorization: secret, fields, format, to, reach });
    }
    case "modem":
      return createModem({ name, to: plan.to, open: () => openLine(plan.device) });
    case "mqtt":
      return createMqtt({ name, topic: plan.topic, payload: plan.payload, publish });
    default:
      return createChat({ name, kind: plan.kind, url: plan.url, secret, reach, now });
  }
};

const secretOf = async (plan: ChannelPlan): Promise<string | null> => {
  if (!("secret" in plan || "secret_file" in plan)) return null;
  if (plan.secret !== undefined) return plan.secret;
  return plan.secret_file === undefined ? null : (await readFile(plan.secret_file, "utf8")).trim();
};

/** The serial line as it was set by `stty`: both ways through one file. */
const openLine = async (device: string): Promise<Duplex> => {
  const file = await open(device, "r+");
  const line = Duplex.from({
    readable: file.createReadStream({ autoClose: false }),
    writable: file.createWriteStream({ autoClose: false }),
  });
  line.on("close", () => void file.close().catch(() => undefined));
  return line;
};
