// `npm run build`: makes of src/ the few JavaScript files that a package carries, in dist/, with their types and the licences of all in them.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import { builtins } from './builtins.ts'
import { licences, packagesOf } from './licences.ts'
import { references } from './references.ts'

const root = join(import.meta.dirname, '..')

/** What has native parts is installed beside the bundle; pg asks for pg-native, and does without. */
const outside = ['sharp', 'pg-native']

const quiet = { pluginTimings: false, bundlerTimings: false }

/** Writes the program and the module for programs that embed it. Resolves to the folders of the packages that are in them. */
async function writeProgram(dist: string): Promise<Set<string>> {
  const bundle = await rolldown({
    input: { latchkey: join(root, 'src/cli/main.ts'), index: join(root, 'src/server/package.ts') },
    platform: 'node',
    checks: quiet,
    transform: { target: 'node24' },
    external: outside,
    plugins: [builtins(), references()],
  })
  // Names stay: what stands in a log of errors is to be found in the sources.
  const minify = { compress: true, mangle: false, codegen: { removeWhitespace: true } }
  const names = {
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    assetFileNames: 'assets/[name]-[hash][extname]',
  }
  const { output } = await bundle.write({ dir: dist, format: 'esm', minify, ...names })
  await bundle.close()
  return packagesOf(output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : [])))
}

/** Writes the types of the module. They name no foreign package, since none is installed with it. */
async function writeTypes(dist: string): Promise<void> {
  const bundle = await rolldown({
    input: { index: join(root, 'src/server/package.ts') },
    external: [/^[a-z@]/],
    checks: quiet,
    plugins: [dts({ emitDtsOnly: true, cwd: root, tsconfig: join(root, 'tsconfig.json') })],
  })
  const { output } = await bundle.write({ dir: dist, format: 'esm' })
  await bundle.close()
  const foreign = output
    .flatMap((file) => (file.type === 'chunk' ? file.imports : []))
    .filter((name) => !name.startsWith('node:'))
  if (foreign.length > 0)
    throw new Error(`The types of the package name ${foreign.join(', ')}, which nobody has installed`)
}

/** Makes the folder anew. */
export async function build(dist = join(root, 'dist')): Promise<void> {
  rmSync(dist, { recursive: true, force: true })
  const packages = await writeProgram(dist)
  await writeTypes(dist)
  writeFileSync(join(dist, 'LICENCES.txt'), licences(packages))
}

if (import.meta.main) await build()
