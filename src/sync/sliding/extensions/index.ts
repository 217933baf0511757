import { accountData } from './account-data.ts'
import { e2ee } from './e2ee.ts'
import { bits, type ExtensionContext } from './extension.ts'
import { receipts } from './receipts.ts'
import { threads } from './threads.ts'
import { toDevice } from './to-device.ts'
import { typing } from './typing.ts'

export interface ExtensionsAnswer {
  /** Members of a JSON object. */
  readonly text: string
  readonly isNews: boolean
}

/** What the extensions that the request turns on have to tell. */
export async function extensionsAnswer(context: ExtensionContext): Promise<ExtensionsAnswer> {
  const answers = [
    await toDevice(context),
    await e2ee(context),
    await accountData(context),
    await receipts(context),
    typing(context),
    await threads(context),
  ]
  const told = answers.filter((answer) => answer !== undefined)
  return { text: told.map((answer) => answer.text).join(','), isNews: told.some((answer) => answer.isNews) }
}

/** The extensions whose data the client has whole after an answer to the request. */
export const extensionBits = ({ request: { extensions } }: Pick<ExtensionContext, 'request'>): number =>
  (extensions.account_data?.enabled ? bits.accountData : 0) | (extensions.receipts?.enabled ? bits.receipts : 0)
