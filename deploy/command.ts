import { basename } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";

/** How a command is called. */
export interface Call<O extends Options, N extends keyof O = never> {
  /** What it calls itself; default: its file's name. */
  readonly name?: string;
  /** Begins with one line "usage: …"; `--help` prints all of it. */
  readonly usage: string;
  readonly options: O;
  /** Options that it cannot do without. */
  readonly needs?: readonly N[];
  /** Arguments without an option's name that it cannot do without, named as in the usage. */
  readonly files?: readonly string[];
}

/** The command line as values, or in one line what is wrong with it and how the command is used. */
export const readCommand = <const O extends Options, N extends keyof O = never>(
  { usage, options, needs = [], files = [] }: Call<O, N>,
  argv: readonly string[],
): ({ readonly ok: true } & Given<O, N>) | { readonly ok: false; readonly reason: string } => {
  const wrong = (reason: string) => ({ ok: false, reason: misuse(reason, usage) }) as const;
  let parsed: { readonly values: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    // Node gives advice on quoting after what is wrong.
    const [first = ""] = (error instanceof Error ? error.message : String(error)).split(/[.]? *\n|[.] /);
    return wrong(`${first.slice(0, 1).toLowerCase()}${first.slice(1)}`.replace(/[.]$/, ""));
  }
  const missing = needs.find((name) => parsed.values[String(name)] === undefined);
  if (missing !== undefined) return wrong(`--${String(missing)} is missing`);
  const lacking = files[parsed.positionals.length];
  if (lacking !== undefined) return wrong(`${lacking} is missing`);
  const extra = parsed.positionals[files.length];
  if (extra !== undefined) return wrong(`unexpected argument "${extra}"`);
  return { ok: true, values: parsed.values as Given<O, N>["values"], positionals: parsed.positionals };
};

/**
 * The command line of this process. One that is wrong ends it with exit code 2 and one line on standard error, `--help`
 * with the usage. `refuse` ends it in the same way, for values that only the command can judge.
 */
export const openCommand = <const O extends Options, N extends keyof O = never>(
  call: Call<O, N>,
): Given<O, N> & { readonly refuse: (reason: string) => never } => {
  const argv = process.argv.slice(2);
  if (argv.includes("--help")) {
    process.stdout.write(`${call.usage}\n`);
    process.exit(0);
  }
  const end = (reason: string): never => {
    process.stderr.write(`${call.name ?? basename(process.argv[1] ?? "", ".ts")}: ${reason}\n`);
    process.exit(2);
  };
  const read = readCommand(call, argv);
  const { values, positionals } = read.ok ? read : end(read.reason);
  return { values, positionals, refuse: (reason) => end(misuse(reason, call.usage)) };
};

const misuse = (reason: string, usage: string): string => `${reason}; ${usage.split("\n", 1)[0]}`;

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>["values"];
interface Given<O extends Options, N extends keyof O> {
  readonly values: Values<O> & { readonly [K in N]: NonNullable<Values<O>[K & keyof Values<O>]> };
  readonly positionals: readonly string[];
}
