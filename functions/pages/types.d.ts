// Types that the scripts of the pages share: the API's responses, and the parameters and results of `h` in dom.js.

/** The element name in `name.class.class`. */
type TagOf<W extends string> = W extends `${infer Tag}.${string}` ? Tag : W;

/** The element that `h` creates for `name.class.class`. */
export type ElementOf<W extends string> = TagOf<W> extends keyof HTMLElementTagNameMap
  ? HTMLElementTagNameMap[TagOf<W>]
  : HTMLElement;

/** The element that `svg` creates for `name.class.class`. */
export type SvgElementOf<W extends string> = TagOf<W> extends keyof SVGElementTagNameMap
  ? SVGElementTagNameMap[TagOf<W>]
  : SVGElement;

/** What a text has in it. */
export type Value = string | number;

/** A child of an element. null, undefined and false show nothing. */
export type Child = Node | string | null | undefined | false | Child[];

/** Attributes by name, and event listeners by `on` and the event's name. */
export interface Attributes {
  onblur?: (event: FocusEvent) => void;
  onchange?: (event: Event) => void;
  onclick?: (event: MouseEvent) => void;
  onclose?: (event: Event) => void;
  oninput?: (event: Event) => void;
  onkeydown?: (event: KeyboardEvent) => void;
  ondragleave?: (event: DragEvent) => void;
  ondragover?: (event: DragEvent) => void;
  ondrop?: (event: DragEvent) => void;
  onpaste?: (event: ClipboardEvent) => void;
  onscroll?: (event: Event) => void;
  ontoggle?: (event: Event) => void;
  onsubmit?: (event: SubmitEvent) => void;
  [name: string]: string | number | boolean | null | undefined | ((event: never) => void);
}

/** A field of a form. */
export type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** A tab. `show` returns the content of its panel. */
export interface Tab {
  id: string;
  label: string;
  show: () => Child[];
}

/** What a program needs to call the API. */
export interface ApiAccess {
  base: string;
  credential: string;
  model: string;
  /** For tools that speak Anthropic's format. */
  messagesModel: string | null;
}

/** A code example, with the model that it asks. */
export interface Snippet {
  id: string;
  label: string;
  text: (access: ApiAccess) => string;
}

/** A deployment as far as attendees know it. */
export interface Offered {
  name: string;
  operations: string[];
}

/** What a handout in a file has in it. */
export interface SavedHandout {
  base: string;
  link: string;
  event: OrganiserEvent;
  deployments: Offered[];
  setups: Record<string, string>;
  slide: boolean;
}

export type EventAccess = "open" | "roster" | "registered";

/** The problem of one field of a request. */
export interface FieldProblem {
  field: string;
  message: string;
}

/** The `error` of a rejected request. */
export interface ErrorBody {
  message?: string;
  code?: string;
  param?: string | null;
  details?: FieldProblem[];
}

export interface Contact {
  name: string | null;
  email: string | null;
}

/** When an event runs, and its status. */
export interface EventWindow {
  starts_at: string;
  ends_at: string;
  time_zone: string;
  paused?: boolean;
  status?: "scheduled" | "open" | "paused" | "ended";
}

/** An event as attendees see it: `GET /api/event/ID`, and a part of `GET /api/v1/event`. */
export interface PublicEvent extends EventWindow {
  name: string;
  access?: EventAccess;
  organiser?: Partial<Contact>;
  contact?: Partial<Contact>;
  description?: string | null;
  image_url?: string | null;
  url?: string | null;
  url_text?: string | null;
}

/** `GET /api/event/mine`: the event of a code, with the usage of the user if the credential has one. */
export interface EventOfCode extends PublicEvent {
  id: string;
  user?: string;
  usage?: Usage;
}

/** A limit, and what remains of it. */
export interface LimitLeft {
  allowed: number;
  remaining: number;
  resets_at?: string;
}

export interface Usage {
  requests: number;
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  held_tokens?: number;
  /** What it cost, in US dollars. */
  usd?: number;
  held_units?: Record<string, number>;
}

/** A model of an event. */
export interface Model {
  id: string;
  operations: string[];
  default_for: string[];
  max_completion_tokens?: number;
  own?: boolean;
}

/** `GET /api/v1/event`: the event, its models, and the limits and usage of an attendee. */
export interface AttendeeAccess {
  event: PublicEvent;
  user: string;
  models: Model[];
  max_completion_tokens: number;
  max_choices: number;
  allowance: Record<string, LimitLeft>;
  /** By the names of models that have limits. */
  allowance_by_model?: Record<string, Record<string, LimitLeft>>;
  usage: Usage;
}

/** Limits by name. null means no limit. */
export type Limits = Record<string, number | null>;

/** The limits on single models among those of an account, by the names of the models. */
export interface LimitsByModel {
  by_model?: Record<string, Record<string, number>>;
}

/** An event as its organiser sees it. */
export interface OrganiserEvent extends PublicEvent {
  id: string;
  code: string;
  version: number;
  paused: boolean;
  attendees: number;
  preset: "workshop" | "agents" | "demo" | null;
  access: EventAccess;
  contact: Contact;
  own_deployments: "none" | "organiser" | "attendee";
  keeps_objects: boolean;
  records_requests: boolean;
  hosted_tools: Record<string, "allow" | "drop" | "refuse">;
  max_completion_tokens: number | null;
  max_choices: number;
  allowances: { attendee: Limits; event: Limits };
  deployments: string[] | null;
  default_deployments: Record<string, string>;
  warnings: string[];
}

/** Fields of an event to send. `contact.name` is a field of an object. */
export interface EventFields {
  [name: string]: string | number | boolean | null | string[] | EventFields;
}

export interface Attendee {
  user: string;
  joined_at: string | null;
  on_roster: boolean;
  registered: boolean;
  blocked: boolean;
  in_flight: number;
  own_limits: string[];
  own_limits_by_model?: Record<string, string[]>;
  /** Only in the response to a change. */
  warnings?: string[];
  /** Also `by_model`, where the event limits single models. */
  allowance: Limits;
  usage: Usage;
}

/** A change of an attendee. An allowance of null restores the event's limits. */
export interface AttendeeChange {
  blocked?: boolean;
  allowance?: AllowanceChange | null;
}

/** Limits to set by name, and those on single models below `by_model`. */
export interface AllowanceChange {
  [name: string]: number | null | AllowanceChange;
}

/** The time to first byte of an hour or a model. */
export interface FirstByte {
  requests: number;
  p50_ms: number | null;
  p95_ms: number | null;
  buckets: { up_to_ms: number | null; requests: number }[];
}

/** A row of `GET /api/admin/events/ID/usage`. It has `hour` or `model`, depending on the query. */
export interface UsageRow extends Usage {
  hour: string;
  model: string;
  errors: Record<string, number>;
  first_byte: FirstByte;
  /** Parts of the input tokens. */
  cache_read_tokens: number;
  cache_written_tokens: number;
}

/** A minute of the last hour. */
export interface MinuteRow {
  minute: string;
  requests: number;
  total_tokens: number;
  /** Absent if no response began in the minute. */
  first_byte?: { p50_ms: number | null; p95_ms: number | null };
}

export interface UsageReport {
  total: Usage;
  rows: UsageRow[];
  minutes?: MinuteRow[];
  /** Of limits that are used up. */
  warnings?: string[];
}

/** An attendee, with the requests that were rejected. */
export interface AttendeeDetails extends Attendee {
  refused_by: CurrentRefusal[];
  rejected: { at: string; code: string }[];
  by_model: (Usage & { model: string | null })[];
}

/** A reason for which requests of an attendee are refused now. */
export interface CurrentRefusal {
  scope: "event" | "attendee";
  code: string;
  limit?: { name: string; model?: string; allowed: number; remaining?: number };
  ends_at?: string;
}

/** The usage of an attendee in a session. */
export interface SessionRow {
  session: string;
  user: string;
  requests: number;
  total_tokens: number;
}

/** A signed token that an event issued. */
export interface IssuedToken {
  jti: string;
  user: string;
  issued_at: string;
  expires_at: string;
  revoked: boolean;
  token?: string;
}

/** A page of ratings, with the votes of the event. */
export interface RatingPage {
  total: { up: number; down: number };
  models: { model: string; up: number; down: number }[];
  ratings: { user: string; model: string | null; rating: number; feedback: string; rated_at: string }[];
}

/** A changed field in the audit log. */
export interface AuditChange {
  field: string;
  from: unknown;
  to: unknown;
}

export interface AuditEntry {
  at: string;
  by: string;
  action: string;
  attendee?: string;
  changes: AuditChange[];
}

/** Dollars per million tokens. */
export interface Prices {
  prompt?: number | null;
  completion?: number | null;
  cached_prompt?: number | null;
  cache_write?: number | null;
  image?: number | null;
  audio_second?: number | null;
  character?: number | null;
  video_second?: number | null;
}

/** An application of Entra ID. */
export interface Identity {
  tenant_id: string;
  client_id: string;
  authority?: string;
}

/** What is known of a deployment's model. */
export interface ModelFacts {
  context_window: number | null;
  max_output_tokens: number | null;
  reasoning: boolean;
  retires_on: string | null;
  prices: Prices | null;
}

/** A deployment as its owner sees it. */
export interface Deployment {
  name: string;
  replica: string;
  endpoint: string;
  azure_name: string;
  model: string | null;
  operations: string[];
  api: string;
  api_version?: string | null;
  weight: number;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  context_window?: number | null;
  max_output_tokens?: number | null;
  reasoning?: boolean | null;
  prices: Prices | null;
  identity: Identity | null;
  facts?: ModelFacts | null;
  warnings?: string[];
}

/** A deployment to send. */
export interface DeploymentDraft extends Omit<Partial<Deployment>, "weight" | "replica" | "azure_name"> {
  endpoint: string;
  replica?: string | null;
  azure_name?: string | null;
  weight?: number | null;
  key?: string;
}

/** A token of an organiser. */
export interface OrganiserToken {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  current: boolean;
  token?: string | null;
}

/** The result of saving a roster. */
export interface RosterSaved {
  users: number;
  added: number;
  removed: number;
}

/** A content part of a message: text or an image. */
export type ContentPart = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };

/** A tool call of a model. */
export interface ToolCall {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

/** A message of a conversation. */
export type Message =
  | { role: "system"; content: string }
  | { role: "user"; content: string | ContentPart[] }
  | { role: "assistant"; content: string | null; tool_calls?: ToolCall[] }
  | { role: "tool"; tool_call_id: string; content: string };

/** A function that a model may call. */
export interface Tool {
  type: "function";
  function: { name: string; description?: string; parameters?: object };
}

/** The body of a chat. */
export interface ChatRequest {
  model: string;
  messages: Message[];
  temperature?: number;
  max_tokens?: number;
  reasoning_effort?: string;
  tools?: Tool[];
  stream?: boolean;
  stream_options?: { include_usage: boolean };
}

/** A part of a tool call in a chunk. */
export interface ToolCallDelta {
  index?: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}

/** A chunk of a streamed chat. */
export interface ChatChunk {
  model?: string;
  usage?: Usage | null;
  error?: ErrorBody;
  choices?: {
    finish_reason?: string | null;
    delta?: { content?: string | null; reasoning_content?: string | null; tool_calls?: ToolCallDelta[] };
  }[];
}

/** Usage and times of a response. */
export interface TurnCost {
  usage: Usage | null;
  firstTokenMs: number | null;
  totalMs: number | null;
  finishReason: string | null;
  maxTokens?: string | null;
  droppedTools?: string | null;
}

/** What has arrived of a response. */
export interface ChatTurn extends TurnCost {
  text: string;
  reasoning: string;
  images: string[];
  calls: ToolCall[];
  requestId: string | null;
}

/** An item of the input of the Responses API. */
export interface ResponseInput {
  role: "user" | "assistant";
  content: string | ({ type: "input_text"; text: string } | { type: "input_image"; image_url: string })[];
}

/** The body of a request for a response. */
export interface ResponsesRequest {
  model: string;
  input: ResponseInput[];
  instructions?: string;
  temperature?: number;
  max_output_tokens?: number;
  reasoning?: { effort?: string; summary?: string };
  store: boolean;
  stream: boolean;
}

/** The body of a request for images. */
export interface ImageRequest {
  model: string;
  prompt: string;
}

/** A request of the playground. */
export type PlaygroundRequest =
  | { kind: "chat"; body: ChatRequest }
  | { kind: "responses"; body: ResponsesRequest }
  | { kind: "images"; body: ImageRequest };

/** An event of a streamed response, as far as the playground reads it. */
export interface ResponseEvent extends ErrorBody {
  type: string;
  delta?: string;
  error?: ErrorBody;
  item?: { type: string; result?: string };
  response?: {
    error?: ErrorBody | null;
    incomplete_details?: { reason?: string } | null;
    usage?: { input_tokens: number; output_tokens: number; total_tokens: number } | null;
  };
}

/** A message of the attendee in the playground. */
export interface UserTurn {
  role: "user";
  text: string;
  images: string[];
}

/** A response in the playground. `results` are those of its tool calls. */
export interface ModelTurn {
  role: "assistant";
  model: string;
  state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  text: string;
  reasoning: string;
  images: string[];
  calls: ToolCall[];
  results: string[] | null;
  cost: TurnCost | null;
  requestId: string | null;
  rating: 1 | -1 | null;
  error?: unknown;
}

export type Turn = UserTurn | ModelTurn;

/** A line of a chart. Its points are times in ms and values. */
export interface Series {
  name: string;
  points: [number, number][];
}

/** A limit that a chart shows. */
export interface ChartLimit {
  name: string;
  value: number;
}

/** A schema of openapi.json, as far as the API's page reads it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: (string | number)[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

export type Content = Record<string, { schema: Schema }>;

/** A parameter of an operation, or a reference to one. */
export interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  description?: string;
  schema: Schema;
}

export interface OperationDescription {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
  security?: object[];
}

/** An operation with its path and all of its parameters. */
export interface Operation extends OperationDescription {
  path: string;
  method: string;
  parameters: Parameter[];
}

export interface SecurityScheme {
  type: string;
  name?: string;
  description: string;
}

type MethodName = "get" | "post" | "put" | "patch" | "delete";

/** The operations of a path, and the parameters that they share. */
export type PathItem = { parameters?: Parameter[] } & Partial<Record<MethodName, OperationDescription>>;

/** What openapi.json holds, as far as the API's page reads it. */
export interface ApiDescription {
  info: { description: string };
  tags: { name: string }[];
  paths: Record<string, PathItem>;
  components: {
    schemas: Record<string, Schema>;
    securitySchemes: Record<string, SecurityScheme>;
  };
}
