import type { JsonObject } from '../../matrix/json.ts'
import { enterpriseSchema, groupSchema, userSchema } from './attributes.ts'

/** The most resources on one page of a list. */
export const mostResults = 200

type More = Record<string, string | boolean | string[] | JsonObject[]>

const attribute = (name: string, description: string, more: More = {}): JsonObject => ({
  name,
  description,
  type: 'string',
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...more,
})
const complex = (name: string, description: string, subAttributes: JsonObject[], more: More = {}): JsonObject =>
  attribute(name, description, { type: 'complex', subAttributes, ...more })
const plural = (name: string, description: string): JsonObject =>
  complex(
    name,
    description,
    [
      attribute('value', 'The value.'),
      attribute('type', 'What it is for, such as "work".'),
      attribute('display', 'What people see.'),
      attribute('primary', 'Whether it is the first choice.', { type: 'boolean' }),
    ],
    { multiValued: true },
  )

const user = {
  id: userSchema,
  name: 'User',
  description: 'Somebody with an account',
  attributes: [
    attribute('userName', 'What they are called at the provider.', { required: true, uniqueness: 'server' }),
    attribute('externalId', 'What the provider knows them by.', { caseExact: true }),
    complex(
      'name',
      'Their name.',
      ['formatted', 'familyName', 'givenName', 'middleName', 'honorificPrefix', 'honorificSuffix'].map((name) =>
        attribute(name, 'A part of the name.'),
      ),
    ),
    attribute('displayName', 'What others see.'),
    attribute('nickName', 'A casual name.'),
    attribute('profileUrl', 'A page about them.', { type: 'reference', referenceTypes: ['external'] }),
    attribute('title', 'Their title.'),
    attribute('userType', 'What they are to the organisation.'),
    attribute('preferredLanguage', 'Their language.'),
    attribute('locale', 'Their region.'),
    attribute('timezone', 'Their time zone.'),
    attribute('active', 'Whether they may come in.', { type: 'boolean' }),
    ...['emails', 'phoneNumbers', 'ims', 'photos', 'addresses', 'entitlements', 'roles', 'x509Certificates'].map(
      (name) => plural(name, 'As the provider has them.'),
    ),
    complex(
      'groups',
      'The groups that they are in.',
      [
        attribute('value', 'The id of the group.'),
        attribute('display', 'Its name.'),
        attribute('$ref', 'Where it is.'),
      ],
      { multiValued: true, mutability: 'readOnly' },
    ),
  ],
}

const group = {
  id: groupSchema,
  name: 'Group',
  description: 'A group, which may have rooms here',
  attributes: [
    attribute('displayName', 'Its name.', { required: true }),
    attribute('externalId', 'What the provider knows it by.', { caseExact: true }),
    complex(
      'members',
      'Who is in it.',
      [
        attribute('value', 'The id of a user.', { mutability: 'immutable' }),
        attribute('display', 'Their name.', { mutability: 'immutable' }),
        attribute('$ref', 'Where they are.', { mutability: 'immutable' }),
      ],
      { multiValued: true },
    ),
  ],
}

const enterprise = {
  id: enterpriseSchema,
  name: 'EnterpriseUser',
  description: 'Somebody of an organisation',
  attributes: [
    ...['employeeNumber', 'costCenter', 'organization', 'division', 'department'].map((name) =>
      attribute(name, 'As the provider has it.'),
    ),
    complex('manager', 'Whom they report to.', [
      attribute('value', 'The id of a user.'),
      attribute('displayName', 'Their name.'),
    ]),
  ],
}

const schemaOf = (schema: JsonObject & { id: string }, base: string): JsonObject => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
  ...schema,
  meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
})

/** What attributes there are. @see https://www.rfc-editor.org/rfc/rfc7643#section-7 */
export const schemas = (base: string): JsonObject[] => [user, group, enterprise].map((schema) => schemaOf(schema, base))

/** @see https://www.rfc-editor.org/rfc/rfc7643#section-6 */
export const resourceTypes = (base: string): JsonObject[] =>
  [
    {
      id: 'User',
      name: 'User',
      endpoint: '/Users',
      description: 'Somebody with an account',
      schema: userSchema,
      schemaExtensions: [{ schema: enterpriseSchema, required: false }],
    },
    {
      id: 'Group',
      name: 'Group',
      endpoint: '/Groups',
      description: 'A group, which may have rooms here',
      schema: groupSchema,
    },
  ].map((type) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    ...type,
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${type.id}` },
  }))

/** What of SCIM there is. @see https://www.rfc-editor.org/rfc/rfc7643#section-5 */
export const serviceProviderConfig = (base: string): JsonObject => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: mostResults },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: true },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'A token in the Authorization header',
      description: 'The token of the configuration (scim.token)',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
})
