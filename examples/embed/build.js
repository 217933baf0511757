// Makes one file of src/chat.js and matrix-js-sdk for the browser, and puts the SDK's encryption beside it.
import { cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

await build({
  entryPoints: ['src/chat.js'],
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  define: { global: 'globalThis' },
  external: ['http://*'],
  logLevel: 'warning',
})
const sdk = createRequire(import.meta.url).resolve('matrix-js-sdk')
const crypto = dirname(createRequire(sdk).resolve('@matrix-org/matrix-sdk-crypto-wasm'))
const wasm = 'pkg/matrix_sdk_crypto_wasm_bg.wasm'
await cp(join(crypto, wasm), join('dist', wasm), { recursive: true })
