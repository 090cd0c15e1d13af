// Properties are tried on the same samples every time, so that what passed passes again; TEST_SEED draws others.
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.TEST_SEED ?? 20_261_121) });
