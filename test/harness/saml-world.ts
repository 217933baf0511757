// What the tests of this folder share: a homeserver and a SAML identity provider, both of which listen.
import { type Landing, openBrowser, send } from './identity-provider.ts'
import { freePort } from './process.ts'
import { openSamlIdp, type Said, type SamlIdp } from './saml-idp.ts'
import { app, type SsoWorld, withSso } from './sso-world.ts'

export interface SamlWorld extends SsoWorld {
  readonly saml: SamlIdp
  /** Leaves for the provider, and comes to its page. */
  readonly leave: (browser?: ReturnType<typeof openBrowser>, target?: string) => Promise<Landing>
  /** Signs in through the browser; what came of it. */
  readonly arrive: (browser?: ReturnType<typeof openBrowser>) => Promise<Landing>
  /** Leaves, and comes back with a response that was bent; what the server says. */
  readonly bring: (
    bend: Partial<Said> | ((xml: string) => string),
    wrong?: { relay?: string },
  ) => Promise<{ status: number; text: string }>
}

export const samlStart = (home: string, target = app): string =>
  `${home}/_matrix/client/v3/login/sso/redirect/saml?redirectUrl=${encodeURIComponent(target)}`

/** Sends a response as a browser does on its way from another site: without cookies. */
export const post = (home: string, xml: string, relay: string): Promise<Response> =>
  send(`${home}/_latchkey/sso/saml/callback`, {
    method: 'POST',
    body: new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: relay }),
  })

export const withSaml = async (
  options: { provider?: object; config?: object },
  body: (world: SamlWorld) => Promise<void>,
): Promise<void> => {
  const port = await freePort()
  const home = `http://127.0.0.1:${port}`
  await using saml = await openSamlIdp(`${home}/_latchkey/sso/saml/callback`)
  const second = {
    id: 'saml',
    type: 'saml',
    name: 'Old School',
    metadata_url: `${saml.url}/metadata`,
    mapping: { localpart: ['{uid}'], display_name: ['{cn}'] },
    ...options.provider,
  }
  await withSso({ port, second, ...(options.config && { config: options.config }) }, async (world) => {
    const leave: SamlWorld['leave'] = (browser = openBrowser(), target = app) => browser.go(samlStart(home, target))
    const arrive: SamlWorld['arrive'] = async (browser = openBrowser()) =>
      browser.submit(await leave(browser), '/sso/saml/callback')
    const bring: SamlWorld['bring'] = async (bend, wrong = {}) => {
      await leave()
      const xml = typeof bend === 'function' ? bend(saml.respond()) : saml.respond(bend)
      const reply = await post(home, xml, wrong.relay ?? saml.request.relay)
      return { status: reply.status, text: await reply.text() }
    }
    await body({ ...world, saml, leave, arrive, bring })
  })
}
