import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What an authority gave, and what asks it for more. */
export interface AcmeFiles {
  readonly certificateFile: string
  readonly keyFile: string
  /** The key of the account with the authority. */
  readonly accountFile: string
}

export const acmeFiles = (folder: string): AcmeFiles => ({
  certificateFile: join(folder, 'fullchain.pem'),
  keyFile: join(folder, 'privkey.pem'),
  accountFile: join(folder, 'account.pem'),
})

/** For this account alone, and never half written. */
async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

const textOf = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The certificate that is there; undefined where there is none, or it is of no use. */
export async function readCertificate({ certificateFile, keyFile }: AcmeFiles): Promise<X509Certificate | undefined> {
  const [chain, key] = await Promise.all([textOf(certificateFile), textOf(keyFile)])
  if (chain === undefined || key === undefined) return undefined
  try {
    return new X509Certificate(chain)
  } catch {
    return undefined
  }
}

/** The key first: a certificate without it is of no use to anybody. */
export async function keepPair(
  files: AcmeFiles,
  pair: { readonly chain: string; readonly key: string },
): Promise<void> {
  await put(files.keyFile, pair.key)
  await put(files.certificateFile, pair.chain)
}

/** The key of the account, made when it is not there. */
export async function accountKey(folder: string, files: AcmeFiles, make: () => Promise<string>): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const known = await textOf(files.accountFile)
  if (known !== undefined) return known
  const key = await make()
  await put(files.accountFile, key)
  return key
}
