import type { Options } from 'tsup'

/** One JavaScript file per TypeScript file: stack traces, subpath exports and lazy imports stay what the source says. */
export const base: Options = {
  entry: ['src/**/*.ts'],
  bundle: false,
  splitting: false,
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  clean: true,
  outDir: 'dist',
}
