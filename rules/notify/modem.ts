import type { Duplex } from "node:stream";
import { type Channel, failed, reasonOf } from "./channel.ts";

export interface ModemParts {
  readonly name: string;
  /** Opens the serial line; it is closed after each message. */
  readonly open: () => Promise<Duplex>;
  readonly to: readonly string[];
}

// A modem answers a command within seconds and the network takes a message within a minute. 3GPP TS 27.005, 27.007
const commandMs = 5000;
const networkMs = 60_000;
// One message in UCS-2, which has Chinese.
const characters = 70;

const ucs2 = (text: string): string => Buffer.from(text, "utf16le").swap16().toString("hex").toUpperCase();

/** A GSM or LTE modem on a serial line, by AT commands in text mode. */
export const createModem = ({ name, open, to }: ModemParts): Channel => ({
  name,
  send: async (message, signal) => {
    let line: Duplex | null = null;
    try {
      line = await open();
      const talk = createTalk(line, signal);
      await talk("AT\r", /OK\r/, commandMs);
      await talk("ATE0\r", /OK\r/, commandMs);
      await talk("AT+CMGF=1\r", /OK\r/, commandMs);
      await talk('AT+CSCS="UCS2"\r', /OK\r/, commandMs);
      await talk("AT+CSMP=17,167,0,8\r", /OK\r/, commandMs);
      const text = `${message.title} ${message.text}`.replaceAll("\n", " ").slice(0, characters);
      const references: string[] = [];
      for (const number of to) {
        await talk(`AT+CMGS="${ucs2(number)}"\r`, />/, commandMs);
        const answer = await talk(`${ucs2(text)}\x1a`, /\+CMGS: *\d+[\s\S]*OK\r/, networkMs);
        references.push(/\+CMGS: *(\d+)/.exec(answer)?.[1] ?? "");
      }
      return { ok: true, receipt: `+CMGS ${references.join(",")}` };
    } catch (error) {
      return failed(reasonOf(error));
    } finally {
      line?.destroy();
    }
  },
});

/** Says a command and resolves with what came until the wanted words; rejects at an error, the end or in time. */
const createTalk = (line: Duplex, signal: AbortSignal) => {
  let heard = "";
  let look = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  line.on("data", (chunk: Buffer) => {
    heard += chunk.toString("latin1");
    look();
  });
  line.on("error", (error) => fail(error));
  line.on("close", () => fail(new Error("the line to the modem was closed")));
  return (command: string, wanted: RegExp, timeoutMs: number): Promise<string> =>
    new Promise((resolve, reject) => {
      heard = "";
      const end = (act: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        look = () => undefined;
        fail = () => undefined;
        act();
      };
      const stop = () => end(() => reject(new Error("stopped")));
      const shown = command.slice(0, -1).slice(0, 40);
      const timer = setTimeout(() => end(() => reject(new Error(`no answer to "${shown}"`))), timeoutMs);
      signal.addEventListener("abort", stop, { once: true });
      look = () => {
        const error = /(\+CM[ES] ERROR[^\r]*|ERROR)\r/.exec(heard)?.[1];
        if (error !== undefined) end(() => reject(new Error(`"${shown}" answered ${error}`)));
        else if (wanted.test(heard)) end(() => resolve(heard));
      };
      fail = (error) => end(() => reject(error));
      line.write(command, "latin1");
    });
};
