import { createServer } from "node:net";
import { Aedes } from "aedes";
import type { BrokerSettings } from "./config.ts";
import type { BrokerCode } from "./errors.ts";
import type { InboundMessage, OutboundMessage } from "./message.ts";

/**
 * Starts MQTT 3.1.1 on TCP and WebSocket. Rejects with one sentence when a port is in use or the users file is faulty.
 */
export async function startBroker(settings: BrokerSettings, deps: BrokerDeps): Promise<Broker> {
  throw new Error(
    `broker on ${settings.BROKER_HOST} is not ready ${createServer.length} ${Aedes.name} ${Object.keys(deps)}`,
  );
}

export interface BrokerDeps {
  /**
   * Called once for each publish that passed the access rules, wills included; the product's own messages do not come
   * here. The acknowledgement waits for it. It waits out store trouble; if it rejects, the message is not acknowledged
   * and the client is closed.
   */
  readonly onMessage: (message: InboundMessage) => Promise<void>;
  /** Each refusal, for the screen; they are counted in any case. */
  readonly onRefusal?: (refusal: Refusal) => void;
  readonly onError: (error: unknown, at: { readonly stage: "broker"; readonly code: BrokerCode }) => void;
  readonly now?: () => number;
  /** Password of the user `wattlas`, the product's own loopback client with role `system`; without it nobody is. */
  readonly systemPassword?: string;
}

export interface Broker extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number; readonly wsPort: number | null };
  /** Publishes as the product: no access rules, not seen by `onMessage`. Resolves when it is on its way to subscribers. */
  publish(message: OutboundMessage): Promise<void>;
  /** Since the start: `connections`, `messages`, `published`, each `BROKER_…` code; now: `clients`, `retained`. */
  counters(): Readonly<Record<string, number>>;
}

/** What was not allowed, and why. */
export interface Refusal {
  readonly code: BrokerCode;
  /** One sentence, bounded. */
  readonly reason: string;
  readonly topic: string | null;
  readonly user: string | null;
  readonly clientId: string | null;
  /** Remote address of the connection. */
  readonly from: string;
  /** UTC ms. */
  readonly ts: number;
}
