import { at, text } from './settings.ts'

/** `{{ user.preferred_username }}` as a template of Latchkey; undefined where there is more to it. */
export function templateFrom(value: unknown): string | undefined {
  const template = text(value)
  if (template === undefined) return undefined
  const [, claim, rest = ''] =
    /^\{\{\s*user\.([A-Za-z0-9_]+)((?:\.split\("@"\)\[0\])?(?:\s*\|\s*lower)?)\s*\}\}$/.exec(template) ?? []
  if (claim === undefined) return undefined
  const words = [claim, ...(rest.includes('split') ? ['before @'] : []), ...(rest.includes('lower') ? ['lower'] : [])]
  return `{${words.join('|')}}`
}

/** An entry of `oidc_providers` as one of `identity_providers`. */
export function providerFrom(provider: unknown): Record<string, unknown> {
  const get = (...keys: string[]): unknown => at(provider, ...keys)
  const mapping = (name: string, key: string): Record<string, unknown> => {
    const template = templateFrom(get('user_mapping_provider', 'config', key))
    return template === undefined ? {} : { [name]: [template] }
  }
  const localpart = mapping('localpart', 'localpart_template')
  const requirements = get('attribute_requirements')
  const rules = (Array.isArray(requirements) ? requirements : []).flatMap((requirement) => {
    const [attribute, value] = [text(at(requirement, 'attribute')), text(at(requirement, 'value'))]
    return attribute !== undefined && value !== undefined ? [`${attribute} contains ${value}`] : []
  })
  const map = {
    ...localpart,
    ...mapping('display_name', 'display_name_template'),
    ...mapping('email', 'email_template'),
  }
  const optional = (name: string, value: unknown): Record<string, unknown> =>
    value === undefined || value === null ? {} : { [name]: value }
  return {
    id: text(get('idp_id')) ?? 'oidc',
    type: 'oidc',
    ...optional('name', get('idp_name')),
    ...optional('icon', get('idp_icon')),
    ...optional('brand', get('idp_brand')),
    ...optional('issuer', get('issuer')),
    ...optional('client_id', get('client_id')),
    ...optional('client_secret', get('client_secret')),
    ...optional('client_secret_file', get('client_secret_path')),
    ...(get('client_auth_method') === 'client_secret_post' && { client_authentication: 'post' }),
    ...optional('scopes', get('scopes')),
    ...(get('user_profile_method') === 'userinfo_endpoint' && { userinfo: true }),
    ...(get('enable_registration') === false && { registration: false }),
    ...(get('allow_existing_users') === true && { taken: 'link' }),
    ...(rules.length > 0 && { rules }),
    ...(Object.keys(map).length > 0 && { mapping: map }),
    ...(get('backchannel_logout_enabled') === true && { backchannel_logout: 'soft' }),
  }
}
