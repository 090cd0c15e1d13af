import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { BrokerSettings } from "./config.ts";
import type { BrokerCode } from "./errors.ts";
import { createGate } from "./gate.ts";
import { type Listener, listenTcp, listenWebSocket, type Remote } from "./listen.ts";
import { listenTls } from "./tls.ts";

/** Opens every port that is set, all behind one gate. Rejects with one sentence when one cannot be opened. */
export async function openPorts(settings: BrokerSettings, deps: PortsDeps): Promise<Ports> {
  const { onRefused, onConnection, onError } = deps;
  const gate = createGate(
    {
      gateways: settings.BROKER_GATEWAYS,
      openKnown: settings.BROKER_GATEWAY_CONNECTIONS,
      openOther: settings.BROKER_ADDRESS_CONNECTIONS,
      perSecond: settings.BROKER_CONNECTS_PER_S,
      perSecondKnown: settings.BROKER_GATEWAY_CONNECTS_PER_S,
      perSecondOther: settings.BROKER_ADDRESS_CONNECTS_PER_S,
    },
    deps.clock,
  );
  const sockets = new Set<Socket>();
  const listening = {
    onSocket(socket: Socket) {
      const from = socket.remoteAddress ?? "unknown";
      const entry = gate.enter(from);
      if (!entry.ok) {
        onRefused(entry.code, entry.reason, from);
        return false;
      }
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        gate.leave(from);
      });
      return true;
    },
    onConnection,
    onError,
  };
  const host = settings.BROKER_HOST;
  const portOf = (port: number | "any") => (port === "any" ? 0 : port);
  const listeners: Listener[] = [];
  const add = async (opened: Promise<Listener>): Promise<number> => {
    const listener = await opened;
    listeners.push(listener);
    return listener.port;
  };

  function openWebSocket(): Promise<Listener> {
    return listenWebSocket(
      {
        host,
        port: portOf(settings.BROKER_WS_PORT),
        portSetting: "BROKER_WS_PORT",
        // A frame may carry several packets.
        messageBytes: settings.BROKER_PACKET_BYTES * 2,
        connectBytes: settings.BROKER_CONNECT_PACKET_BYTES,
        handshakeMs: settings.BROKER_CONNECT_TIMEOUT_MS,
      },
      { ...listening, onRefused },
    );
  }

  function openTls(certFile: string, keyFile: string): Promise<Listener> {
    return listenTls(
      {
        host: settings.BROKER_TLS_HOST ?? host,
        port: portOf(settings.BROKER_TLS_PORT),
        portSetting: "BROKER_TLS_PORT",
        certFile,
        keyFile,
        caFile: settings.BROKER_TLS_CA_FILE,
        clientCertificate: settings.BROKER_TLS_CLIENT_CERT,
        handshakeMs: settings.BROKER_CONNECT_TIMEOUT_MS,
        reloadMs: settings.BROKER_TLS_RELOAD_MS,
      },
      { ...listening, onRefused },
    );
  }

  async function close(): Promise<void> {
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  const { BROKER_TLS_CERT_FILE: certFile, BROKER_TLS_KEY_FILE: keyFile } = settings;
  try {
    const port = await add(listenTcp({ host, port: settings.BROKER_PORT, portSetting: "BROKER_PORT" }, listening));
    const wsPort = settings.BROKER_WS_PORT === 0 ? null : await add(openWebSocket());
    const hasTls = settings.BROKER_TLS_PORT !== 0 && certFile !== undefined && keyFile !== undefined;
    const tlsPort = hasTls ? await add(openTls(certFile, keyFile)) : null;
    return {
      address: { host, port, wsPort, tlsPort },
      close,
      cut() {
        for (const socket of sockets) socket.destroy();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface PortsDeps {
  /** Monotone ms. */
  readonly clock: () => number;
  readonly onConnection: (connection: Duplex, from: Remote) => void;
  readonly onRefused: (code: BrokerCode, reason: string, from: string) => void;
  readonly onError: (error: Error) => void;
}

export interface Ports {
  readonly address: {
    readonly host: string;
    readonly port: number;
    readonly wsPort: number | null;
    readonly tlsPort: number | null;
  };
  /** Stops accepting; resolves when the last connection is gone. */
  close(): Promise<void>;
  /** Ends what is still open, handshakes included. */
  cut(): void;
}
