import type { RulesMessage } from "../rules.ts";
import type { Channel } from "./channel.ts";

export interface MqttParts {
  readonly name: string;
  readonly topic: string;
  /** `state`: `on` while the message's alerts are open and `off` when they returned, retained: a siren or lamp relay. */
  readonly payload: "message" | "state";
  readonly publish: (message: RulesMessage) => void;
}

/** A topic of our own broker, or of the broker we subscribe at. */
export const createMqtt = ({ name, topic, payload, publish }: MqttParts): Channel => ({
  name,
  send: async (message) => {
    const state = message.occasion === "returned" ? "off" : "on";
    publish({ topic, payload: payload === "state" ? state : JSON.stringify(message), retain: payload === "state" });
    return { ok: true, receipt: "published" };
  },
});
