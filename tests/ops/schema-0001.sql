PRAGMA application_id = 2002871154;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    default_country TEXT CHECK (default_country GLOB '[A-Z][A-Z]'),  -- ISO 3166: numbers without + are its own first
    marketing_route TEXT NOT NULL DEFAULT 'auto' CHECK (marketing_route IN ('auto', 'messages', 'marketing_messages')),
    product_policy TEXT CHECK (product_policy IN ('CLOUD_API_FALLBACK', 'STRICT')),
    message_activity_sharing INTEGER CHECK (message_activity_sharing IN (0, 1)),
    send_between TEXT,                              -- JSON: the hours of broadcasts that name none
    retry_rules TEXT,                               -- JSON: the rules of broadcasts that name none
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "account" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5','shop',NULL,'auto',NULL,NULL,NULL,NULL,1796121754062);
CREATE TABLE account_event (
    id INTEGER PRIMARY KEY,
    field TEXT NOT NULL,                            -- the webhook's field
    subject TEXT,                                   -- phone number id or business account id
    detail TEXT NOT NULL,                           -- JSON
    received_at INTEGER NOT NULL
) STRICT;
CREATE TABLE account_notice (
    waba_id TEXT NOT NULL,
    phone_number_id TEXT NOT NULL,                  -- '': about the business account
    kind TEXT NOT NULL,                             -- in Meta's words
    detail TEXT NOT NULL,
    stops_sending INTEGER NOT NULL CHECK (stops_sending IN (0, 1)),
    at INTEGER NOT NULL,                            -- Meta's time of the newest word
    since INTEGER NOT NULL,                         -- when that came
    until INTEGER,                                  -- it ends by itself then
    is_lifted INTEGER NOT NULL DEFAULT 0 CHECK (is_lifted IN (0, 1)),  -- kept, so that an older word that comes late is known
    PRIMARY KEY (waba_id, phone_number_id, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,                      -- SHA-256 of the key
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,                           -- JSON array
    created_at INTEGER NOT NULL,
    allowed_from TEXT NOT NULL DEFAULT '[]',        -- JSON array of networks; empty: everywhere
    expires_at INTEGER,
    revoked_at INTEGER,
    family TEXT NOT NULL,                           -- id of the first of the keys of which each replaces the one before
    replaced_by TEXT,                               -- id of the key that replaces it
    last_used_at INTEGER,
    last_used_from TEXT                             -- the address; NULL: a unix socket
) STRICT;
INSERT INTO "api_key" VALUES('249ec3b4-8d94-47ab-a187-e79f4cff8ac2','74ed679a-7855-4c94-b403-43bde18e34f5','tests',X'5D14B4D3264B398B7E694F269E38BDAC6DB4F8B76E67FDAAA13F86F1F5B229D7','wacrm_live_KnV92mGs','["broadcasts:send", "broadcasts:read", "messages:send", "templates:read", "optouts:manage", "webhooks:manage", "numbers:read"]',1796121754165,'[]',NULL,NULL,'249ec3b4-8d94-47ab-a187-e79f4cff8ac2',NULL,1796121756266,'127.0.0.1');
CREATE TABLE app_secret (
    id INTEGER PRIMARY KEY,
    number_id TEXT NOT NULL REFERENCES number (id),
    secret BLOB NOT NULL,                           -- encrypted
    created_at INTEGER NOT NULL,
    valid_until INTEGER                             -- NULL: the current one
) STRICT;
INSERT INTO "app_secret" VALUES(1,'598f9cce-56f6-4e20-ab56-3165695c9b88',X'01554A45001F862CD6AE6E498835D830880732EB2C036E9CE9CC911754553C35D89360C3F95BF44FAFED0513C55B45202B5DB82E',1796121754101,NULL);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    via TEXT NOT NULL CHECK (via IN ('command', 'dashboard')),
    uid INTEGER,                                    -- NULL: a user of the dashboard alone
    user TEXT,
    pid INTEGER,
    method TEXT NOT NULL,
    params TEXT NOT NULL,                           -- JSON, secrets redacted
    result TEXT NOT NULL,                           -- ok, or the error's code
    calls INTEGER NOT NULL DEFAULT 1                -- calls that were denied are summed up
) STRICT;
INSERT INTO "audit" VALUES(1,1796121754095,'command',0,'root',10270,'account.add','{"name": "shop"}','ok',1);
INSERT INTO "audit" VALUES(2,1796121754153,'command',0,'root',10270,'number.add','{"account": "shop", "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": "[redacted]", "app_secret": "[redacted]", "verify_token": "[redacted]", "messages_per_second": 500}','ok',1);
INSERT INTO "audit" VALUES(3,1796121754169,'command',0,'root',10270,'key.create','{"account": "shop", "name": "tests", "scopes": ["broadcasts:send", "broadcasts:read", "messages:send", "templates:read", "optouts:manage", "webhooks:manage", "numbers:read"]}','ok',1);
INSERT INTO "audit" VALUES(4,1796121756296,'command',0,'root',10270,'broadcast.pause','{"id": "ee3e39bd-d863-42d0-bc8e-8a1bc05ae3f1"}','ok',1);
INSERT INTO "audit" VALUES(5,1796121756314,'command',0,'root',10270,'optout.add','{"phone": "+14155550123", "account": "shop"}','ok',1);
CREATE TABLE billed_broadcast (
    broadcast_id INTEGER NOT NULL REFERENCES broadcast (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    country TEXT NOT NULL,                          -- '': not known
    pricing_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (broadcast_id, day, country, pricing_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "billed_broadcast" VALUES(1,20788,'US',1,10);
CREATE TABLE billed_day (
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    country TEXT NOT NULL,
    pricing_id INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (account_id, day, country, pricing_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "billed_day" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',20788,'US',1,10);
CREATE TABLE broadcast (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    number_id TEXT NOT NULL REFERENCES number (id),
    kind TEXT NOT NULL DEFAULT 'broadcast' CHECK (kind IN ('broadcast', 'message')),  -- message: to one person
    name TEXT NOT NULL,
    template_name TEXT NOT NULL,
    template_language TEXT NOT NULL,
    content TEXT,                                   -- JSON: defaults for header, buttons, components
    status TEXT NOT NULL CHECK (status IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled')),
    hold_reason TEXT,
    hold_detail TEXT,
    hold_since INTEGER,
    request_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    scheduled_at INTEGER,
    started_at INTEGER,
    completed_at INTEGER,
    revision INTEGER NOT NULL DEFAULT 1,            -- raised by each change of it, of its recipients and their history
    failure_streak INTEGER NOT NULL DEFAULT 0,      -- failures in a row that Meta's statuses reported while it was sending
    streak_since INTEGER NOT NULL DEFAULT 0,        -- of attempts since then: when it was last resumed
    send_between TEXT,                              -- JSON: the hours in which messages are sent
    retry_rules TEXT,                               -- JSON: when it is sent again by itself to those who failed
    spread_over_minutes INTEGER CHECK (spread_over_minutes > 0),
    messages_per_second REAL CHECK (messages_per_second > 0),
    canary TEXT,                                    -- JSON: to how many people it is sent first, and when the others follow
    canary_phase TEXT CHECK (canary_phase IN ('sending', 'waiting', 'passed')),
    canary_until INTEGER,                           -- while it waits
    counts TEXT,                                    -- JSON: what was counted of its rows, see store/broadcast_counts.py
    counts_revision INTEGER,                        -- at this revision; if it is not the present one, nobody reads them
    stats_revision INTEGER,                         -- the one that statistics have; -1: for good, see store/statistics.py
    stats_due_at INTEGER NOT NULL DEFAULT 0,        -- not summed up again before this time
    CHECK ((status = 'sent') = (completed_at IS NOT NULL)),
    CHECK ((status = 'paused') = (hold_reason IS NOT NULL)),
    CHECK (canary_phase IS NULL OR canary IS NOT NULL),
    CHECK ((canary_phase IS 'waiting') = (canary_until IS NOT NULL))
) STRICT;
INSERT INTO "broadcast" VALUES(1,'f8e8605d-357b-47ad-8f85-f2cbf1bb114c','74ed679a-7855-4c94-b403-43bde18e34f5','598f9cce-56f6-4e20-ab56-3165695c9b88','broadcast','A finished one','hello','en_US',NULL,'sent',NULL,NULL,NULL,'4290dfc99df34bedf4dcc68846ad30dc',1796121754194,1796121756257,NULL,1796121754194,1796121754251,15,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "broadcast" VALUES(2,'ee3e39bd-d863-42d0-bc8e-8a1bc05ae3f1','74ed679a-7855-4c94-b403-43bde18e34f5','598f9cce-56f6-4e20-ab56-3165695c9b88','broadcast','A waiting one','hello','en_US',NULL,'paused','paused_by_operator','Paused by root',1796121756292,'ebb10540ff89dfd3df7c6ce207d7589a',1796121756274,1796121756292,1798713720000,NULL,NULL,2,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE broadcast_media (
    broadcast_id INTEGER NOT NULL REFERENCES broadcast (id) ON DELETE CASCADE,
    media_id INTEGER NOT NULL REFERENCES media (id),
    PRIMARY KEY (broadcast_id, media_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE broadcast_stat (
    broadcast_id INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    country TEXT NOT NULL,
    what TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (broadcast_id, slot, country, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE button_reply (
    broadcast_id INTEGER NOT NULL,
    button TEXT NOT NULL,
    recipient_id INTEGER NOT NULL,
    PRIMARY KEY (broadcast_id, button, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE canary_recipient (
    broadcast_id INTEGER NOT NULL,
    recipient_id INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
    PRIMARY KEY (broadcast_id, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE conversation (
    portfolio TEXT NOT NULL,
    person_id INTEGER NOT NULL,                     -- no reference: who is erased counts on
    at INTEGER NOT NULL,                            -- the last message
    recipient_id INTEGER,                           -- whose message began to count them: if Meta refuses it, they do not
    PRIMARY KEY (portfolio, person_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',1,1796121754209,1);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',2,1796121754209,2);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',3,1796121754209,3);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',4,1796121754209,4);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',5,1796121754209,5);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',6,1796121754209,6);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',7,1796121754209,7);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',8,1796121754209,8);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',9,1796121754209,9);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',10,1796121754209,10);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',11,1796121754247,11);
INSERT INTO "conversation" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',12,1796121754247,12);
CREATE TABLE counter (queue text not null, key text not null, value integer not null default 0, primary key(queue, key));
CREATE TABLE downtime (
    began_at INTEGER PRIMARY KEY,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE TABLE draft (
    broadcast_id INTEGER PRIMARY KEY REFERENCES broadcast (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN
        ('collecting', 'editing', 'checking', 'checked', 'preparing', 'returning', 'sent', 'discarded')),
    version INTEGER NOT NULL DEFAULT 1,             -- raised by each change: the check of an older one counts for nothing
    made_by TEXT NOT NULL,
    file_name TEXT,
    file_format TEXT CHECK (file_format IN ('csv', 'jsonl')),
    file_bytes INTEGER NOT NULL DEFAULT 0,
    file_edition INTEGER,                           -- of the pieces of the file
    people_edition INTEGER,                         -- of the pieces that the last check wrote: what is sent to whom
    editions INTEGER NOT NULL DEFAULT 0,            -- the newest edition that was begun
    mapping TEXT,                                   -- JSON: what the columns of the file mean
    result TEXT,                                    -- JSON: the last check, or the sums of a program's calls
    send_requested_at INTEGER,
    sent_by TEXT,
    taken INTEGER NOT NULL DEFAULT 0,               -- so many of its people were taken over
    problem TEXT,                                   -- why it was not sent, or could not be checked
    updated_at INTEGER NOT NULL,
    CHECK ((file_edition IS NULL) = (file_format IS NULL)),
    CHECK (state NOT IN ('checked', 'preparing') OR people_edition IS NOT NULL),
    CHECK ((state IN ('preparing', 'returning', 'sent')) = (send_requested_at IS NOT NULL))
) STRICT;
CREATE TABLE draft_piece (
    id INTEGER PRIMARY KEY,
    broadcast_id INTEGER NOT NULL REFERENCES draft (broadcast_id) ON DELETE CASCADE,
    edition INTEGER NOT NULL,
    number INTEGER NOT NULL,                        -- from 0
    content BLOB NOT NULL,                          -- lines of the file in UTF-8, or a JSON array of people
    UNIQUE (broadcast_id, edition, number)
) STRICT;
CREATE TABLE idempotency (
    account_id TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    answer TEXT NOT NULL,                           -- JSON of the first answer
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE inbound_message (
    id TEXT PRIMARY KEY,
    number_id TEXT NOT NULL,
    wa_id TEXT,
    user_id TEXT,
    person_id INTEGER,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    recipient_id INTEGER,                           -- the broadcast message that it answers
    replies_from INTEGER,                           -- not NULL: open, it answers the newest one sent since then, if any
    button TEXT,                                    -- what an open one tapped
    context_id TEXT,                                -- the message that it quotes, while that is not known
    keyword TEXT                                    -- JSON: the source and the word of an opt-out in it, while that is not known
) STRICT, WITHOUT ROWID;
INSERT INTO "inbound_message" VALUES('wamid.HQQYCzE0MTUyMDAwMDAzFQIAe/M0BLClAAAAAAAE.reply.reply','598f9cce-56f6-4e20-ab56-3165695c9b88','14152000003','US.7714152000003',4,1796121756000,1796121756232,4,NULL,NULL,NULL,NULL);
INSERT INTO "inbound_message" VALUES('wamid.HQQYCzE0MTUyMDAwMDExFQIAe/M0BLClAAAAAAAM.reply.reply','598f9cce-56f6-4e20-ab56-3165695c9b88','14152000011','US.7714152000011',12,1796121756000,1796121756257,12,NULL,NULL,NULL,NULL);
CREATE TABLE known_browser (
    hash BLOB PRIMARY KEY,                          -- SHA-256 of the cookie
    user_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE known_time (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL,
    is_confirmed INTEGER NOT NULL CHECK (is_confirmed IN (0, 1)),  -- by Meta's clock or an operator
    accepted INTEGER NOT NULL                       -- how far an operator lets the machine's clock be ahead of Meta's
) STRICT;
INSERT INTO "known_time" VALUES(1,1796121756329,1,0);
CREATE TABLE kv (queue text not null, key text not null, value blob not null, primary key(queue, key));
CREATE TABLE login_link (
    hash BLOB PRIMARY KEY,                          -- SHA-256 of its token
    uid INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE login_session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,                      -- SHA-256 of the cookie
    user_id TEXT REFERENCES user (id) ON DELETE CASCADE,
    uid INTEGER,                                    -- without a user: who asked for the link, with the level then
    name TEXT NOT NULL,
    role TEXT CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    CHECK ((user_id IS NULL) = (role IS NOT NULL))
) STRICT;
CREATE TABLE marketing_onboarding (
    waba_id TEXT PRIMARY KEY,
    onboarding TEXT NOT NULL,
    told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE media (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    file_name TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    made_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,                       -- when it was uploaded, or a broadcast was made with it, last
    edition INTEGER,
    editions INTEGER NOT NULL DEFAULT 0,            -- the newest edition that was begun
    UNIQUE (account_id, sha256)
) STRICT;
CREATE TABLE media_piece (
    id INTEGER PRIMARY KEY,
    media_id INTEGER NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    edition INTEGER NOT NULL,
    number INTEGER NOT NULL,                        -- from 0
    content BLOB NOT NULL,
    UNIQUE (media_id, edition, number)
) STRICT;
CREATE TABLE media_upload (
    media_id INTEGER NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    number_id TEXT NOT NULL REFERENCES number (id) ON DELETE CASCADE,
    meta_id TEXT,
    uploaded_at INTEGER,
    expires_at INTEGER,
    asked INTEGER NOT NULL DEFAULT 0 CHECK (asked IN (0, 1)),  -- it is to be uploaded although no broadcast waits for it
    attempts INTEGER NOT NULL DEFAULT 0,            -- that failed since it last worked
    next_attempt_at INTEGER NOT NULL DEFAULT 0,
    is_refused INTEGER NOT NULL DEFAULT 0 CHECK (is_refused IN (0, 1)),  -- Meta does not take it, however often it is sent
    error TEXT,                                     -- why the last attempt failed
    PRIMARY KEY (media_id, number_id),
    CHECK ((meta_id IS NULL) = (expires_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE message_stat (
    account_id TEXT NOT NULL,
    slot INTEGER NOT NULL,                          -- when they were last tried, in quarters of an hour since the epoch
    template_name TEXT NOT NULL,
    template_language TEXT NOT NULL,
    country TEXT NOT NULL,                          -- ISO 3166; '': unknown
    what TEXT NOT NULL,                             -- see domain/statistics.py
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (account_id, slot, template_name, template_language, country, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE number (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    phone_number_id TEXT NOT NULL,
    waba_id TEXT NOT NULL,
    label TEXT,
    display_phone TEXT,
    access_token BLOB NOT NULL,                     -- encrypted (AES-GCM), see vault.py
    verify_token_hash BLOB NOT NULL,                -- SHA-256
    messages_per_second REAL CHECK (messages_per_second > 0),
    portfolio TEXT,                                 -- numbers of one portfolio share Meta's limit; NULL: those of the account
    daily_limit INTEGER CHECK (daily_limit > 0),    -- people in 24 hours; NULL: as Meta tells
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    hold_reason TEXT,
    hold_detail TEXT,
    hold_since INTEGER,
    hold_until INTEGER,                             -- it resumes by itself then; NULL: when a person resumes it
    quality TEXT,
    limit_tier TEXT,
    limit_at INTEGER,                               -- Meta's time of the event that told it last
    limit_told_at INTEGER,                          -- when it was told last, by an event or a check
    verified_name TEXT,
    health TEXT,                                    -- JSON, as Meta last reported it
    checked_at INTEGER,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,                             -- kept for the broadcasts that name it
    CHECK ((state = 'paused') = (hold_reason IS NOT NULL))
) STRICT;
INSERT INTO "number" VALUES('598f9cce-56f6-4e20-ab56-3165695c9b88','74ed679a-7855-4c94-b403-43bde18e34f5','106540352242922','102290129340398',NULL,NULL,X'01F772852F6849DC74385DA90E9628C229852541149E8DACE3BE1668DF46FFAC481362CD2F47622FB5DCFD1AA6D94B',X'5FAD0ABCDAE39786501EB867CC42A8AB5834CD94A400E38F1E39E38495D91F05',500.0,NULL,NULL,1,'active',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1796121754101,NULL);
CREATE TABLE optout (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    person_id INTEGER NOT NULL UNIQUE REFERENCES person (id),
    phone TEXT,                                     -- as it is shown: E.164 with +
    user_id TEXT,                                   -- business-scoped user id
    source TEXT NOT NULL,                           -- operator, api, import, keyword, button, preference, meta_131050
    detail TEXT,
    at INTEGER NOT NULL,
    said_at INTEGER NOT NULL,                       -- when the person said so last: an older opt-in that comes late lifts nothing
    by_phone INTEGER NOT NULL DEFAULT 0,            -- 1: said last by a phone alone, so by whoever had that at said_at
    lifted_at INTEGER,                              -- opted in again; kept, so that an older stop that comes late is known
    broadcast_id INTEGER,                           -- the broadcast that it answered, if known
    CHECK (phone IS NOT NULL OR user_id IS NOT NULL)
) STRICT;
INSERT INTO "optout" VALUES(1,'74ed679a-7855-4c94-b403-43bde18e34f5',18,'+14155550123',NULL,'operator',NULL,1796121756301,1796121756301,1,NULL,NULL);
CREATE TABLE other_message (
    wamid TEXT PRIMARY KEY,
    recipient_id INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,                       -- when Meta took it
    pricing_id INTEGER,                             -- what Meta said of its price, until the row forgot it
    pricing_order INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL REFERENCES account (id),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "person" VALUES(1,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(2,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(3,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(4,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(5,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(6,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(7,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(8,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(9,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(10,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(11,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(12,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121754194);
INSERT INTO "person" VALUES(13,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121756274);
INSERT INTO "person" VALUES(14,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121756274);
INSERT INTO "person" VALUES(15,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121756274);
INSERT INTO "person" VALUES(16,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121756274);
INSERT INTO "person" VALUES(17,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121756274);
INSERT INTO "person" VALUES(18,'74ed679a-7855-4c94-b403-43bde18e34f5',1796121756301);
CREATE TABLE person_address (
    id INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    address TEXT NOT NULL,                          -- in the form of `identity`
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'user_id', 'parent_user_id')),
    person_id INTEGER NOT NULL REFERENCES person (id),
    scope TEXT,                                     -- the business account that named this user id
    since INTEGER NOT NULL,
    until INTEGER,                                  -- somebody else has it since
    former_since INTEGER                            -- the person said that they have another one since
) STRICT;
INSERT INTO "person_address" VALUES(1,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000000','phone',1,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(2,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000001','phone',2,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(3,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000002','phone',3,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(4,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000003','phone',4,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(5,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000004','phone',5,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(6,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000005','phone',6,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(7,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000006','phone',7,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(8,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000007','phone',8,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(9,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000008','phone',9,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(10,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000009','phone',10,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(11,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000010','phone',11,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(12,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000011','phone',12,NULL,1796121754194,NULL,NULL);
INSERT INTO "person_address" VALUES(13,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000000','user_id',1,'102290129340398',1796121754230,NULL,NULL);
INSERT INTO "person_address" VALUES(14,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000001','user_id',2,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(15,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000002','user_id',3,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(16,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000003','user_id',4,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(17,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000004','user_id',5,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(18,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000005','user_id',6,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(19,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000006','user_id',7,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(20,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000007','user_id',8,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(21,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000008','user_id',9,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(22,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000009','user_id',10,'102290129340398',1796121754231,NULL,NULL);
INSERT INTO "person_address" VALUES(23,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000010','user_id',11,'102290129340398',1796121754251,NULL,NULL);
INSERT INTO "person_address" VALUES(24,'74ed679a-7855-4c94-b403-43bde18e34f5','US.7714152000011','user_id',12,'102290129340398',1796121754251,NULL,NULL);
INSERT INTO "person_address" VALUES(25,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000100','phone',13,NULL,1796121756274,NULL,NULL);
INSERT INTO "person_address" VALUES(26,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000101','phone',14,NULL,1796121756274,NULL,NULL);
INSERT INTO "person_address" VALUES(27,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000102','phone',15,NULL,1796121756274,NULL,NULL);
INSERT INTO "person_address" VALUES(28,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000103','phone',16,NULL,1796121756274,NULL,NULL);
INSERT INTO "person_address" VALUES(29,'74ed679a-7855-4c94-b403-43bde18e34f5','+14152000104','phone',17,NULL,1796121756274,NULL,NULL);
INSERT INTO "person_address" VALUES(30,'74ed679a-7855-4c94-b403-43bde18e34f5','+14155550123','phone',18,NULL,1796121756301,NULL,NULL);
CREATE TABLE person_event (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL                            -- JSON
) STRICT;
CREATE TABLE planned_retry (
    broadcast_id INTEGER NOT NULL,
    recipient_id INTEGER NOT NULL REFERENCES recipient (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,                       -- after which it is sent again
    was TEXT NOT NULL CHECK (was IN ('failed', 'uncertain', 'sent')),
    code INTEGER NOT NULL,                          -- Meta's, with which it failed; 0: none
    allowed_at INTEGER NOT NULL,                    -- not before this time
    PRIMARY KEY (broadcast_id, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE portfolio_use (
    portfolio TEXT PRIMARY KEY,
    used INTEGER NOT NULL,
    counted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "portfolio_use" VALUES('74ed679a-7855-4c94-b403-43bde18e34f5',12,0);
CREATE TABLE price_list (
    id INTEGER PRIMARY KEY,
    account_id TEXT REFERENCES account (id) ON DELETE CASCADE,  -- NULL: for accounts that have no list of their own
    valid_from INTEGER NOT NULL,                    -- 0: always
    imported_at INTEGER NOT NULL,
    prices TEXT NOT NULL                            -- JSON: [country or '*', category, currency, millionths] each
) STRICT;
CREATE TABLE pricing (
    id INTEGER PRIMARY KEY,
    category TEXT,
    type TEXT,
    model TEXT,
    billable INTEGER CHECK (billable IN (0, 1))
) STRICT;
INSERT INTO "pricing" VALUES(1,'marketing','regular','PMP',1);
CREATE TABLE recipient (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    broadcast_id INTEGER NOT NULL REFERENCES broadcast (id),
    person_id INTEGER REFERENCES person (id),       -- NULL: erased
    "to" TEXT NOT NULL,                             -- E.164 with +, or a business-scoped user id
    params TEXT,                                    -- JSON array or object
    content TEXT,                                   -- JSON: this recipient's header, buttons, components
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN
        ('pending', 'sending', 'sent', 'delivered', 'read', 'replied', 'failed', 'uncertain', 'cancelled')),
    attempt INTEGER NOT NULL DEFAULT 0,             -- the attempt in flight or last made: fences late workers
    failed_attempt INTEGER NOT NULL DEFAULT 0,      -- it and those before it had failed, or were not delivered, when it was sent again
    retries INTEGER NOT NULL DEFAULT 0,             -- retries that this recipient's own errors have used up
    rule_retries INTEGER NOT NULL DEFAULT 0,        -- how often a rule of the broadcast sent it again
    claimed_at INTEGER,                             -- when the attempt became durable
    first_attempt_at INTEGER,                       -- the age of its retries counts from here
    next_attempt_at INTEGER NOT NULL DEFAULT 0,     -- not before this time
    wamid TEXT,                                     -- Meta's message id
    wa_id TEXT,                                     -- who Meta says it went to
    user_id TEXT,                                   -- business-scoped user id
    parent_user_id TEXT,                            -- the same for linked business portfolios
    held TEXT,                                      -- how Meta holds the message back, until its first status
    pricing_id INTEGER,                             -- of `pricing`, from which no row is deleted
    pricing_order INTEGER,                          -- which status told it: domain/billing.py:told_at
    conversation_id TEXT,
    conversation_origin TEXT,
    conversation_expires_at INTEGER,
    error_code INTEGER,
    error_title TEXT,
    error_details TEXT,
    sent_at INTEGER,
    delivered_at INTEGER,
    read_at INTEGER,
    replied_at INTEGER,
    failed_at INTEGER,
    country TEXT,                                   -- by which Meta bills it (domain/market.py); it stays after an erasure
    CHECK (status != 'sending' OR claimed_at IS NOT NULL),
    CHECK ((status = 'failed') = (failed_at IS NOT NULL)),
    CHECK (status NOT IN ('delivered', 'read', 'replied') OR delivered_at IS NOT NULL),
    CHECK (status NOT IN ('read', 'replied') OR read_at IS NOT NULL),
    CHECK (status != 'replied' OR replied_at IS NOT NULL),
    CHECK (held IS NULL OR status = 'sent')
) STRICT;
INSERT INTO "recipient" VALUES(1,1,1,'+14152000000','["Person 0000"]',NULL,'delivered',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDAwFQIAe/M0BLClAAAAAAAB','14152000000','US.7714152000000',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754230,1796121754230,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(2,1,2,'+14152000001','["Person 0001"]',NULL,'read',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDAxFQIAe/M0BLClAAAAAAAC','14152000001','US.7714152000001',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,1796121755000,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(3,1,3,'+14152000002','["Person 0002"]',NULL,'failed',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDAyFQIAe/M0BLClAAAAAAAD','14152000002','US.7714152000002',NULL,NULL,NULL,NULL,NULL,NULL,NULL,131026,'Message undeliverable','Message undeliverable (simulated)',1796121754231,NULL,NULL,NULL,1796121754231,'US');
INSERT INTO "recipient" VALUES(4,1,4,'+14152000003','["Person 0003"]',NULL,'replied',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDAzFQIAe/M0BLClAAAAAAAE','14152000003','US.7714152000003',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,1796121755000,1796121756000,NULL,'US');
INSERT INTO "recipient" VALUES(5,1,5,'+14152000004','["Person 0004"]',NULL,'delivered',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDA0FQIAe/M0BLClAAAAAAAF','14152000004','US.7714152000004',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(6,1,6,'+14152000005','["Person 0005"]',NULL,'read',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDA1FQIAe/M0BLClAAAAAAAG','14152000005','US.7714152000005',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,1796121755000,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(7,1,7,'+14152000006','["Person 0006"]',NULL,'read',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDA2FQIAe/M0BLClAAAAAAAH','14152000006','US.7714152000006',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,1796121755000,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(8,1,8,'+14152000007','["Person 0007"]',NULL,'delivered',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDA3FQIAe/M0BLClAAAAAAAI','14152000007','US.7714152000007',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(9,1,9,'+14152000008','["Person 0008"]',NULL,'failed',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDA4FQIAe/M0BLClAAAAAAAJ','14152000008','US.7714152000008',NULL,NULL,NULL,NULL,NULL,NULL,NULL,131026,'Message undeliverable','Message undeliverable (simulated)',1796121754231,NULL,NULL,NULL,1796121754231,'US');
INSERT INTO "recipient" VALUES(10,1,10,'+14152000009','["Person 0009"]',NULL,'delivered',1,0,0,0,1796121754209,1796121754209,0,'wamid.HQQYCzE0MTUyMDAwMDA5FQIAe/M0BLClAAAAAAAK','14152000009','US.7714152000009',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754231,1796121754231,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(11,1,11,'+14152000010','["Person 0010"]',NULL,'read',1,0,0,0,1796121754247,1796121754247,0,'wamid.HQQYCzE0MTUyMDAwMDEwFQIAe/M0BLClAAAAAAAL','14152000010','US.7714152000010',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754251,1796121754251,1796121755000,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(12,1,12,'+14152000011','["Person 0011"]',NULL,'replied',1,0,0,0,1796121754247,1796121754247,0,'wamid.HQQYCzE0MTUyMDAwMDExFQIAe/M0BLClAAAAAAAM','14152000011','US.7714152000011',NULL,NULL,1,14368974032001,NULL,NULL,NULL,NULL,NULL,NULL,1796121754251,1796121754251,1796121755000,1796121756000,NULL,'US');
INSERT INTO "recipient" VALUES(13,2,13,'+14152000100','["Person 0100"]',NULL,'pending',0,0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(14,2,14,'+14152000101','["Person 0101"]',NULL,'pending',0,0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(15,2,15,'+14152000102','["Person 0102"]',NULL,'pending',0,0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(16,2,16,'+14152000103','["Person 0103"]',NULL,'pending',0,0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'US');
INSERT INTO "recipient" VALUES(17,2,17,'+14152000104','["Person 0104"]',NULL,'pending',0,0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'US');
CREATE TABLE recipient_history (
    id INTEGER PRIMARY KEY,
    recipient_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,                            -- attempt, sent, delivered, read, replied, failed
    attempt INTEGER,
    detail TEXT                                     -- JSON
) STRICT;
INSERT INTO "recipient_history" VALUES(1,1,1796121754230,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(2,2,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(3,3,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(4,4,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(5,5,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(6,6,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(7,7,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(8,8,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(9,9,1796121754231,'attempt',1,'{"started_at": 1796121754222, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(10,10,1796121754231,'attempt',1,'{"started_at": 1796121754223, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(11,11,1796121754251,'attempt',1,'{"started_at": 1796121754250, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(12,12,1796121754251,'attempt',1,'{"started_at": 1796121754250, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(13,1,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(14,2,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(15,3,1796121754000,'failed',1,'{"code": 131026, "title": "Message undeliverable", "details": "Message undeliverable (simulated)"}');
INSERT INTO "recipient_history" VALUES(16,4,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(17,5,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(18,6,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(19,7,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(20,8,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(21,9,1796121754000,'failed',1,'{"code": 131026, "title": "Message undeliverable", "details": "Message undeliverable (simulated)"}');
INSERT INTO "recipient_history" VALUES(22,10,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(23,11,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(24,12,1796121754000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(25,2,1796121755000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(26,4,1796121755000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(27,6,1796121755000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(28,7,1796121755000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(29,11,1796121755000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(30,12,1796121755000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(31,4,1796121756000,'replied',1,NULL);
INSERT INTO "recipient_history" VALUES(32,12,1796121756000,'replied',1,NULL);
CREATE TABLE schedule (id integer not null primary key, queue text not null, data blob not null, timestamp real not null);
CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "setting" VALUES('key_fingerprint','e9255f06');
CREATE TABLE task (id integer not null primary key, queue text not null, data blob not null, priority real not null default 0.0);
CREATE TABLE template (
    id INTEGER PRIMARY KEY,
    waba_id TEXT NOT NULL,
    meta_id TEXT NOT NULL,
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    status TEXT NOT NULL,
    category TEXT,
    parameter_format TEXT NOT NULL DEFAULT 'POSITIONAL',
    components TEXT NOT NULL DEFAULT '[]',          -- JSON, as Meta gives them
    quality TEXT,
    reason TEXT,
    time_to_live_s INTEGER,                         -- NULL: Meta's default for the category
    next_category TEXT,                             -- Meta has announced that it moves to this category
    next_category_at INTEGER,
    synced_at INTEGER NOT NULL,
    webhook_updated_at INTEGER NOT NULL DEFAULT 0,  -- when a webhook last changed it
    UNIQUE (waba_id, name, language)
) STRICT;
CREATE TABLE template_analytics (
    waba_id TEXT PRIMARY KEY,
    is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
    asked_at INTEGER NOT NULL,
    read_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE template_click (
    waba_id TEXT NOT NULL,
    day INTEGER NOT NULL,                           -- days since the epoch, UTC
    template_name TEXT NOT NULL,
    template_language TEXT NOT NULL,
    is_marketing INTEGER NOT NULL CHECK (is_marketing IN (0, 1)),  -- posted to /marketing_messages
    button TEXT NOT NULL,                           -- its text
    people INTEGER CHECK (people >= 0),             -- NULL: Meta does not say
    clicks INTEGER CHECK (clicks >= 0),
    PRIMARY KEY (waba_id, day, template_name, template_language, is_marketing, button)
) STRICT, WITHOUT ROWID;
CREATE TABLE template_sync (
    waba_id TEXT PRIMARY KEY,
    synced_at INTEGER,                              -- the last time that Meta listed any
    tried_at INTEGER NOT NULL,
    error TEXT,                                     -- why the last sync failed
    is_stale INTEGER NOT NULL DEFAULT 0 CHECK (is_stale IN (0, 1))
) STRICT;
CREATE TABLE unmatched_status (
    id INTEGER PRIMARY KEY,
    number_id TEXT NOT NULL,
    wamid TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('sent', 'delivered', 'read', 'replied', 'failed')),
    at INTEGER NOT NULL,
    error TEXT,                                     -- JSON
    billing TEXT,                                   -- JSON
    button TEXT,                                    -- what a reply tapped
    received_at INTEGER NOT NULL,
    UNIQUE (wamid, status, number_id)
) STRICT;
CREATE TABLE user (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'sender', 'operator')),
    password TEXT,                                  -- Argon2id, PHC form; NULL: logs in by a reverse proxy only
    created_at INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;
CREATE TABLE user_account (
    user_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id),  -- no cascade: without its last account the user would see all
    PRIMARY KEY (user_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    event_id TEXT NOT NULL,                         -- the envelope's id: the same on every retry
    body TEXT NOT NULL,                             -- the envelope, byte for byte as signed
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    tries TEXT NOT NULL DEFAULT '[]',               -- JSON: each attempt with time, status or error, duration
    created_at INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,                     -- when it was put in, or asked for again: its age counts from here
    delivered_at INTEGER
) STRICT;
CREATE TABLE webhook_endpoint (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    url TEXT NOT NULL,
    events TEXT NOT NULL,                           -- JSON array
    secret BLOB NOT NULL,                           -- encrypted
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    disabled_reason TEXT,
    failing_since INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE wrong_way (
    broadcast_id INTEGER PRIMARY KEY REFERENCES broadcast (id) ON DELETE CASCADE,
    waba_id TEXT NOT NULL,
    endpoint TEXT NOT NULL                          -- the one that refused
) STRICT;
CREATE UNIQUE INDEX number_default ON number (account_id) WHERE is_default = 1 AND removed_at IS NULL;
CREATE UNIQUE INDEX number_meta ON number (phone_number_id) WHERE removed_at IS NULL;
CREATE INDEX number_waba ON number (waba_id);
CREATE INDEX number_portfolio ON number (coalesce(portfolio, account_id));
CREATE INDEX conversation_at ON conversation (portfolio, at);
CREATE INDEX app_secret_number ON app_secret (number_id);
CREATE INDEX user_account_account ON user_account (account_id);
CREATE INDEX login_session_user ON login_session (user_id);
CREATE INDEX login_session_used ON login_session (used_at);
CREATE INDEX known_browser_user ON known_browser (user_id, used_at);
CREATE UNIQUE INDEX person_address_holder ON person_address (account_id, address) WHERE until IS NULL;
CREATE INDEX person_address_lost ON person_address (account_id, address) WHERE until IS NOT NULL;
CREATE INDEX person_address_person ON person_address (person_id);
CREATE INDEX person_event_person ON person_event (person_id);
CREATE INDEX broadcast_list ON broadcast (account_id, kind, created_at DESC, id DESC);
CREATE INDEX broadcast_list_status ON broadcast (account_id, kind, status, created_at DESC, id DESC);
CREATE INDEX broadcast_list_all ON broadcast (kind, created_at DESC, id DESC);
CREATE INDEX broadcast_list_all_status ON broadcast (kind, status, created_at DESC, id DESC);
CREATE INDEX broadcast_created ON broadcast (created_at DESC, id DESC);
CREATE INDEX broadcast_status ON broadcast (status, scheduled_at);
CREATE INDEX broadcast_uncounted ON broadcast (updated_at) WHERE counts_revision IS NOT revision;
CREATE INDEX broadcast_unsummed ON broadcast (stats_due_at)
    WHERE stats_revision IS NOT revision AND stats_revision IS NOT -1 AND status NOT IN ('draft', 'scheduled');
CREATE INDEX draft_state ON draft (state, updated_at);
CREATE INDEX media_list ON media (account_id, created_at DESC, id DESC);
CREATE INDEX media_created ON media (created_at DESC, id DESC);
CREATE INDEX media_used ON media (used_at) WHERE edition IS NOT NULL;
CREATE INDEX media_left ON media (id) WHERE edition IS NULL OR edition != editions;
CREATE INDEX media_upload_asked ON media_upload (next_attempt_at) WHERE asked = 1;
CREATE INDEX media_upload_number ON media_upload (number_id);
CREATE INDEX media_upload_failed ON media_upload (number_id) WHERE error IS NOT NULL;
CREATE INDEX broadcast_media_media ON broadcast_media (media_id);
CREATE INDEX recipient_count ON recipient (broadcast_id, status);
CREATE INDEX recipient_due ON recipient (broadcast_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX recipient_in_flight ON recipient (broadcast_id) WHERE status = 'sending';
CREATE INDEX recipient_failed ON recipient (broadcast_id, error_code, error_title) WHERE status = 'failed';
CREATE INDEX recipient_uncertain ON recipient (broadcast_id) WHERE status = 'uncertain';
CREATE UNIQUE INDEX recipient_wamid ON recipient (wamid) WHERE wamid IS NOT NULL;
CREATE INDEX recipient_person ON recipient (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX recipient_held ON recipient (broadcast_id, held, sent_at) WHERE held IS NOT NULL;
CREATE INDEX recipient_pricing ON recipient (broadcast_id, pricing_id) WHERE pricing_id IS NOT NULL;
CREATE INDEX other_message_recipient ON other_message (recipient_id);
CREATE INDEX planned_retry_recipient ON planned_retry (recipient_id);
CREATE TRIGGER recipient_billed AFTER UPDATE OF pricing_id, pricing_order, sent_at ON recipient
WHEN (old.pricing_id IS NOT new.pricing_id OR old.pricing_order IS NOT new.pricing_order OR old.sent_at IS NOT new.sent_at)
    AND (old.pricing_id IS NOT NULL OR new.pricing_id IS NOT NULL)
BEGIN
    UPDATE billed_broadcast SET count = count - 1
        WHERE broadcast_id = old.broadcast_id AND day = coalesce(old.sent_at, old.pricing_order / 8, 0) / 86400000
        AND country = coalesce(old.country, '') AND pricing_id = old.pricing_id;
    UPDATE billed_day SET count = count - 1
        WHERE account_id = (SELECT account_id FROM broadcast WHERE id = old.broadcast_id)
        AND day = coalesce(old.sent_at, old.pricing_order / 8, 0) / 86400000 AND country = coalesce(old.country, '') AND pricing_id = old.pricing_id;
    INSERT INTO billed_broadcast (broadcast_id, day, country, pricing_id, count)
        SELECT new.broadcast_id, coalesce(new.sent_at, new.pricing_order / 8, 0) / 86400000, coalesce(new.country, ''), new.pricing_id, 1
        WHERE new.pricing_id IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
    INSERT INTO billed_day (account_id, day, country, pricing_id, count)
        SELECT account_id, coalesce(new.sent_at, new.pricing_order / 8, 0) / 86400000, coalesce(new.country, ''), new.pricing_id, 1
        FROM broadcast WHERE id = new.broadcast_id AND new.pricing_id IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE UNIQUE INDEX price_list_from ON price_list (coalesce(account_id, ''), valid_from);
CREATE INDEX canary_recipient_recipient ON canary_recipient (recipient_id);
CREATE INDEX recipient_history_recipient ON recipient_history (recipient_id);
CREATE INDEX unmatched_status_received ON unmatched_status (received_at);
CREATE INDEX inbound_message_received ON inbound_message (received_at);
CREATE INDEX inbound_message_person ON inbound_message (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX inbound_message_open ON inbound_message (person_id, at) WHERE replies_from IS NOT NULL;
CREATE INDEX inbound_message_guess ON inbound_message (recipient_id) WHERE replies_from IS NOT NULL;
CREATE INDEX inbound_message_context ON inbound_message (context_id) WHERE context_id IS NOT NULL;
CREATE INDEX wrong_way_waba ON wrong_way (waba_id);
CREATE INDEX optout_list ON optout (account_id, at DESC, id DESC) WHERE lifted_at IS NULL;
CREATE INDEX optout_source ON optout (account_id, source, at DESC, id DESC) WHERE lifted_at IS NULL;
CREATE INDEX optout_broadcast ON optout (broadcast_id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX optout_phone ON optout (account_id, phone) WHERE lifted_at IS NULL;
CREATE INDEX idempotency_created ON idempotency (created_at);
CREATE INDEX webhook_endpoint_account ON webhook_endpoint (account_id);
CREATE INDEX webhook_endpoint_active ON webhook_endpoint (id) WHERE is_active = 1;
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX webhook_delivery_list ON webhook_delivery (endpoint_id, status, created_at DESC, id DESC);
CREATE INDEX webhook_delivery_created ON webhook_delivery (created_at);
CREATE INDEX account_event_received ON account_event (received_at);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_user ON audit (user, at);
CREATE INDEX audit_method ON audit (method, at);
CREATE INDEX audit_via ON audit (via, at);
CREATE INDEX schedule_queue_timestamp on schedule (queue, timestamp);
CREATE INDEX task_queue_priority_id on task (queue, priority desc, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('person',18);
INSERT INTO "sqlite_sequence" VALUES('broadcast',2);
INSERT INTO "sqlite_sequence" VALUES('recipient',17);
COMMIT;
