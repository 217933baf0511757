import { parseBaseUrl } from './forms.ts'
import { buttonKeys, peopleKeys, providerKeys } from './schema-identity.ts'
import type { Keys } from './setting.ts'

const parseAddress = (text: string): string | undefined =>
  parseBaseUrl(text.split('?')[0] ?? '') === undefined || text.includes('#') ? undefined : text

const idp = {
  metadata_url: {
    kind: 'text',
    description:
      'Where the provider publishes its SAML metadata, which names its keys and addresses. It is read again every hour, and when a signature fits no key.',
    parse: parseAddress,
    expected: 'an address such as https://login.example.org/realms/main/protocol/saml/descriptor',
    example: 'https://login.example.org/realms/main/protocol/saml/descriptor',
  },
  metadata_file: { kind: 'path', description: 'A file with the metadata, in place of its address.' },
  entity_id: {
    kind: 'text',
    description:
      'The name of the provider, which stands as issuer in all that it signs. Taken from the metadata unless set; needed where these describe several' +
      ' providers, and where there are none.',
    example: 'https://login.example.org/realms/main',
  },
  sign_on_url: {
    kind: 'text',
    description: 'Where people are sent to (binding HTTP-Redirect), where there are no metadata.',
    parse: parseAddress,
    expected: 'an address such as https://login.example.org/saml',
    example: 'https://login.example.org/saml',
  },
  certificate: {
    kind: 'list',
    description: 'The PEM certificates whose keys the provider signs with, where there are no metadata.',
    of: { kind: 'text', description: 'A certificate.' },
    min: 1,
    secret: true,
  },
} as const satisfies Keys

/** A provider that speaks SAML 2.0, to which people are sent with their browser. */
export const samlProvider = {
  ...providerKeys,
  ...buttonKeys,
  ...idp,
  own_entity_id: {
    kind: 'text',
    description:
      'The name of this server at the provider, and the audience that all must be made for. Unless set, the address of its own metadata,' +
      ' PUBLIC_BASE_URL/_latchkey/sso/ID/metadata; what the provider sends goes to PUBLIC_BASE_URL/_latchkey/sso/ID/callback (binding HTTP-POST).',
    example: 'https://matrix.example.org/_latchkey/sso/main/metadata',
  },
  signed: {
    kind: 'choice',
    description: 'What must be signed: the assertion, the response around it, both, or either of them.',
    values: ['either', 'assertion', 'response', 'both'],
    default: 'either',
  },
  request_key: {
    kind: 'text',
    description: 'A PEM private key (RSA) that requests are signed with, where the provider asks for that.',
    secret: true,
  },
  request_certificate: {
    kind: 'text',
    description: 'The PEM certificate of that key, for the metadata of this server.',
    secret: true,
  },
  name_id_format: {
    kind: 'choice',
    description:
      'How the provider is asked to name people. With "any" it decides. A name that is another one each time (transient) is refused.',
    values: ['persistent', 'email', 'unspecified', 'any'],
    default: 'persistent',
  },
  subject_attribute: {
    kind: 'text',
    description: 'The attribute that names a person for good, in place of the name of the assertion (NameID).',
    example: 'sub',
  },
  attributes: {
    kind: 'list',
    description:
      'Short names for attributes, for rules and mapping. Without one an attribute is ' +
      'known by its name and, if it has one, its friendly name; {name_id} is the name of' +
      ' the assertion.',
    of: {
      kind: 'group',
      description: 'A name.',
      keys: {
        attribute: {
          kind: 'text',
          description: 'The name of the attribute at the provider.',
          required: true,
          example: 'urn:oid:0.9.2342.19200300.100.1.3',
        },
        claim: { kind: 'text', description: 'What it is called here.', required: true, example: 'email' },
      },
    },
    default: [],
    example: [{ attribute: 'urn:oid:0.9.2342.19200300.100.1.3', claim: 'email' }],
  },
  backchannel_logout: {
    kind: 'choice',
    description:
      'What becomes of sessions here when the provider says that theirs has ended, ' +
      'which it does by a signed LogoutRequest in a form, from server to server, to' +
      ' PUBLIC_BASE_URL/_latchkey/sso/ID/logout: "soft" asks people to sign in again and ' +
      'leaves them their devices and encryption keys, "hard" deletes the devices, "off" takes no' +
      ' notice.',
    values: ['soft', 'hard', 'off'],
    default: 'soft',
  },
  leeway: { kind: 'duration', description: 'How far the clocks of provider and server may differ.', default: '60s' },
  ...peopleKeys,
} as const satisfies Keys
