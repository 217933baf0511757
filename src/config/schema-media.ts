import { parseBaseUrl } from './forms.ts'
import type { Keys } from './setting.ts'

const hosts = {
  kind: 'text',
  description: 'The name of a web site; a star stands for anything.',
  parse: (text: string) => (/^[a-z0-9.*:[\]-]{1,255}$/.test(text) ? text : undefined),
  expected: 'the name of a web site such as example.org or *.example.org, in lower case',
  fix: (text: string) => (/^https?:\/\//.test(text) ? 'Leave out "https://" and the path.' : undefined),
} as const

const s3 = {
  endpoint: {
    kind: 'text',
    description: 'The address of the store.',
    parse: parseBaseUrl,
    expected: 'an address such as https://s3.eu-central-1.amazonaws.com',
    example: 'https://s3.eu-central-1.amazonaws.com',
  },
  region: {
    kind: 'text',
    description: 'The region that requests are signed for; many stores take any.',
    default: 'us-east-1',
  },
  bucket: {
    kind: 'text',
    description: 'The bucket that files are kept in. It must be there already.',
    parse: (text: string) => (/^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$/.test(text) ? text : undefined),
    expected: 'the name of a bucket: letters, digits, "." and "-"',
    example: 'matrix-media',
  },
  prefix: {
    kind: 'text',
    description: 'Stands before the name of every file, so that a bucket can be shared.',
    parse: (text: string) =>
      /^[A-Za-z0-9._/-]{1,200}$/.test(text) && !text.startsWith('/') && !/(^|\/)\.{1,2}(\/|$)|\/\//.test(text)
        ? text
        : undefined,
    expected: 'letters, digits and ". _ / -", not beginning with "/"',
    example: 'latchkey/',
  },
  access_key_id: {
    kind: 'text',
    description: 'The name of the key that requests are signed with.',
    example: 'AKIAIOSFODNN7EXAMPLE',
  },
  secret_access_key: {
    kind: 'text',
    description: 'The key that requests are signed with.',
    secret: true,
    example: 'change-me',
  },
  path_style: {
    kind: 'boolean',
    description:
      'Whether the bucket stands in the path (https://store/bucket/file); false puts it into the host (https://bucket.store/file).',
    default: true,
  },
} as const satisfies Keys

/** Files that people send each other, and previews of the pages they link to. */
export const media = {
  max_upload_size: {
    kind: 'size',
    description: 'The largest file that is taken. A proxy in front may have a limit of its own.',
    default: '100M',
  },
  user_quota: {
    kind: 'size',
    description:
      'How much one user may keep here, such as 10G, all files together; a file that several people sent counts for each of them.',
    off: true,
    default: 'off',
  },
  user_quota_files: {
    kind: 'number',
    description: 'How many files one user may keep here.',
    off: true,
    min: 1,
    max: 1_000_000_000,
    whole: true,
    default: 'off',
  },
  max_pending_uploads: {
    kind: 'number',
    description: 'How many addresses of files that are yet to be uploaded one user may hold at once.',
    min: 1,
    max: 100_000,
    whole: true,
    default: 100,
  },
  pending_upload_lifetime: {
    kind: 'duration',
    description: 'How long such an address waits for its file.',
    default: '24h',
  },
  authenticated_only: {
    kind: 'boolean',
    description:
      'Whether files that arrive from now on are given only to people who are signed in. With false they are also given to anybody who' +
      ' knows their address, through the old endpoints that old clients use, and go on to be when this is true again.',
    default: true,
  },
  max_image_pixels: {
    kind: 'number',
    description:
      'Images with more pixels than this, all frames of an animation together, get no thumbnail: a small file can unpack to any size.',
    min: 1,
    max: 2_000_000_000,
    whole: true,
    default: 50_000_000,
  },
  store: {
    kind: 'choice',
    description:
      'Where files are kept: "files" is the folder media in data_dir, "s3" a store that speaks the S3 protocol, which several machines can' +
      ' share. Files do not move by themselves when this changes.',
    values: ['files', 's3'],
    default: 'files',
  },
  s3: { kind: 'group', description: 'The S3 store, where "store" says so.', keys: s3 },
  retention: {
    kind: 'group',
    description:
      'When files are deleted for good. The time counts from the last time that somebody fetched the file, to a day. Avatars of people and' +
      ' rooms stay.',
    keys: {
      uploads: { kind: 'duration', description: 'For files of any size, such as 365d.', off: true, default: 'off' },
      large_uploads: { kind: 'duration', description: 'For large files, such as 90d.', off: true, default: 'off' },
      large: { kind: 'size', description: 'What a large file is: this size or more.', default: '10M' },
    },
  },
  remote: {
    kind: 'group',
    description: 'Files of other servers, which are fetched when somebody here wants them.',
    keys: {
      keep: { kind: 'duration', description: 'How long one is kept before it is fetched anew.', default: '14d' },
    },
  },
  url_previews: {
    kind: 'group',
    description:
      'Title, text and picture of the pages that people link to. This server fetches them, so that people do not show their addresses;' +
      ' it asks public addresses only.',
    keys: {
      enabled: { kind: 'boolean', description: 'Whether there are previews.', default: true },
      allow: {
        kind: 'list',
        description: 'The only sites that are asked; empty means all.',
        of: hosts,
        default: [],
        example: ['example.org', '*.example.org'],
      },
      deny: {
        kind: 'list',
        description: 'Sites that are never asked.',
        of: hosts,
        default: [],
        example: ['*.internal.example.org'],
      },
      keep: {
        kind: 'duration',
        description: 'How long a preview is kept before the page is asked again.',
        default: '6h',
      },
    },
  },
} as const satisfies Keys
