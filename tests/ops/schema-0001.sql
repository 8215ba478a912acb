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
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "account" VALUES('bc48a224-be83-4c97-af64-bc8b0206c6b3','shop',NULL,'auto',NULL,NULL,1796095432469);
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
INSERT INTO "api_key" VALUES('f77573a0-4185-463e-b45c-d35936c484cf','bc48a224-be83-4c97-af64-bc8b0206c6b3','tests',X'D980E2851102C40BB5BD88452B0B3F48475DA77719FFC31E1166EEC975D52327','wacrm_live_0s7sSTZd','["broadcasts:send", "broadcasts:read", "messages:send", "templates:read", "optouts:manage", "webhooks:manage", "numbers:read"]',1796095432493,'[]',NULL,NULL,'f77573a0-4185-463e-b45c-d35936c484cf',NULL,1796095434615,'127.0.0.1');
CREATE TABLE app_secret (
    id INTEGER PRIMARY KEY,
    number_id TEXT NOT NULL REFERENCES number (id),
    secret BLOB NOT NULL,                           -- encrypted
    created_at INTEGER NOT NULL,
    valid_until INTEGER                             -- NULL: the current one
) STRICT;
INSERT INTO "app_secret" VALUES(1,'4c3042a9-8ece-454f-87da-c62403c3c985',X'01422C6E1657EDB9507C8F43FDD3DD36F01F67DCCC20A0DA7273071452C893693BA0436AE4BE6C234D96C2ED3805D1CB746862C7',1796095432480,NULL);
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
INSERT INTO "audit" VALUES(1,1796095432473,'command',0,'root',22116,'account.add','{"name": "shop"}','ok',1);
INSERT INTO "audit" VALUES(2,1796095432490,'command',0,'root',22116,'number.add','{"account": "shop", "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": "[redacted]", "app_secret": "[redacted]", "verify_token": "[redacted]", "messages_per_second": 500}','ok',1);
INSERT INTO "audit" VALUES(3,1796095432498,'command',0,'root',22116,'key.create','{"account": "shop", "name": "tests", "scopes": ["broadcasts:send", "broadcasts:read", "messages:send", "templates:read", "optouts:manage", "webhooks:manage", "numbers:read"]}','ok',1);
INSERT INTO "audit" VALUES(4,1796095434664,'command',0,'root',22116,'broadcast.pause','{"id": "a947cb9b-3272-4eaf-9b36-4616adb0e40f"}','ok',1);
INSERT INTO "audit" VALUES(5,1796095434681,'command',0,'root',22116,'optout.add','{"phone": "+14155550123", "account": "shop"}','ok',1);
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
    counts TEXT,                                    -- JSON: what was counted of its rows, see store/broadcast_counts.py
    counts_revision INTEGER,                        -- at this revision; if it is not the present one, nobody reads them
    CHECK ((status = 'sent') = (completed_at IS NOT NULL)),
    CHECK ((status = 'paused') = (hold_reason IS NOT NULL))
) STRICT;
INSERT INTO "broadcast" VALUES(1,'b1d44060-5062-4246-b9b5-ba9f48322b72','bc48a224-be83-4c97-af64-bc8b0206c6b3','4c3042a9-8ece-454f-87da-c62403c3c985','broadcast','A finished one','hello','en_US',NULL,'sent',NULL,NULL,NULL,'f84f507d7352eca1598472ddd1963729',1796095432529,1796095434594,NULL,1796095432529,1796095432589,16,0,0,NULL,NULL);
INSERT INTO "broadcast" VALUES(2,'a947cb9b-3272-4eaf-9b36-4616adb0e40f','bc48a224-be83-4c97-af64-bc8b0206c6b3','4c3042a9-8ece-454f-87da-c62403c3c985','broadcast','A waiting one','hello','en_US',NULL,'paused','paused_by_operator','Paused by root',1796095434655,'54bd33540787d8c9f4d4d74d7d3572ac',1796095434633,1796095434655,1798761600000,NULL,NULL,2,0,0,NULL,NULL);
CREATE TABLE button_reply (
    broadcast_id INTEGER NOT NULL,
    button TEXT NOT NULL,
    recipient_id INTEGER NOT NULL,
    PRIMARY KEY (broadcast_id, button, recipient_id)
) STRICT, WITHOUT ROWID;
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
INSERT INTO "inbound_message" VALUES('wamid.HQQYCzE0MTUyMDAwMDAzFQIApdBLg/qtAAAAAAAE.reply.reply','4c3042a9-8ece-454f-87da-c62403c3c985','14152000003','US.7714152000003',4,1796095434000,1796095434565,4,NULL,NULL,NULL,NULL);
INSERT INTO "inbound_message" VALUES('wamid.HQQYCzE0MTUyMDAwMDExFQIApdBLg/qtAAAAAAAM.reply.reply','4c3042a9-8ece-454f-87da-c62403c3c985','14152000011','US.7714152000011',12,1796095434000,1796095434594,12,NULL,NULL,NULL,NULL);
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
INSERT INTO "known_time" VALUES(1,1796095434702,1,0);
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
    is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
    hold_reason TEXT,
    hold_detail TEXT,
    hold_since INTEGER,
    hold_until INTEGER,                             -- it resumes by itself then; NULL: when a person resumes it
    quality TEXT,
    limit_tier TEXT,
    limit_at INTEGER,                               -- Meta's time of the event that told it last
    verified_name TEXT,
    health TEXT,                                    -- JSON, as Meta last reported it
    checked_at INTEGER,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,                             -- kept for the broadcasts that name it
    CHECK ((state = 'paused') = (hold_reason IS NOT NULL))
) STRICT;
INSERT INTO "number" VALUES('4c3042a9-8ece-454f-87da-c62403c3c985','bc48a224-be83-4c97-af64-bc8b0206c6b3','106540352242922','102290129340398',NULL,NULL,X'01BBF89D2B6F5608E06356F2E4196B2CE86E721BE2F4FC62B1C81C353845D54AFC51E5D390FF03E70DAFA13FCD5CF1',X'5FAD0ABCDAE39786501EB867CC42A8AB5834CD94A400E38F1E39E38495D91F05',500.0,1,'active',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1796095432480,NULL);
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
INSERT INTO "optout" VALUES(1,'bc48a224-be83-4c97-af64-bc8b0206c6b3',18,'+14155550123',NULL,'operator',NULL,1796095434669,1796095434669,1,NULL,NULL);
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL REFERENCES account (id),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO "person" VALUES(1,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(2,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(3,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(4,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(5,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(6,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(7,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(8,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(9,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(10,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(11,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(12,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095432529);
INSERT INTO "person" VALUES(13,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095434633);
INSERT INTO "person" VALUES(14,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095434633);
INSERT INTO "person" VALUES(15,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095434633);
INSERT INTO "person" VALUES(16,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095434633);
INSERT INTO "person" VALUES(17,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095434633);
INSERT INTO "person" VALUES(18,'bc48a224-be83-4c97-af64-bc8b0206c6b3',1796095434669);
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
INSERT INTO "person_address" VALUES(1,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000000','phone',1,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(2,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000001','phone',2,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(3,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000002','phone',3,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(4,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000003','phone',4,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(5,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000004','phone',5,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(6,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000005','phone',6,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(7,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000006','phone',7,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(8,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000007','phone',8,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(9,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000008','phone',9,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(10,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000009','phone',10,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(11,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000010','phone',11,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(12,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000011','phone',12,NULL,1796095432529,NULL,NULL);
INSERT INTO "person_address" VALUES(13,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000000','user_id',1,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(14,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000001','user_id',2,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(15,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000002','user_id',3,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(16,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000003','user_id',4,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(17,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000004','user_id',5,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(18,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000005','user_id',6,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(19,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000006','user_id',7,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(20,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000007','user_id',8,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(21,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000008','user_id',9,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(22,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000009','user_id',10,'102290129340398',1796095432568,NULL,NULL);
INSERT INTO "person_address" VALUES(23,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000010','user_id',11,'102290129340398',1796095432589,NULL,NULL);
INSERT INTO "person_address" VALUES(24,'bc48a224-be83-4c97-af64-bc8b0206c6b3','US.7714152000011','user_id',12,'102290129340398',1796095432589,NULL,NULL);
INSERT INTO "person_address" VALUES(25,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000100','phone',13,NULL,1796095434633,NULL,NULL);
INSERT INTO "person_address" VALUES(26,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000101','phone',14,NULL,1796095434633,NULL,NULL);
INSERT INTO "person_address" VALUES(27,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000102','phone',15,NULL,1796095434633,NULL,NULL);
INSERT INTO "person_address" VALUES(28,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000103','phone',16,NULL,1796095434633,NULL,NULL);
INSERT INTO "person_address" VALUES(29,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14152000104','phone',17,NULL,1796095434633,NULL,NULL);
INSERT INTO "person_address" VALUES(30,'bc48a224-be83-4c97-af64-bc8b0206c6b3','+14155550123','phone',18,NULL,1796095434669,NULL,NULL);
CREATE TABLE person_event (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    detail TEXT NOT NULL                            -- JSON
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
    failed_attempt INTEGER NOT NULL DEFAULT 0,      -- it and those before it had failed when a person asked for a retry
    retries INTEGER NOT NULL DEFAULT 0,             -- retries that this recipient's own errors have used up
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
    CHECK (status != 'sending' OR claimed_at IS NOT NULL),
    CHECK ((status = 'failed') = (failed_at IS NOT NULL)),
    CHECK (status NOT IN ('delivered', 'read', 'replied') OR delivered_at IS NOT NULL),
    CHECK (status NOT IN ('read', 'replied') OR read_at IS NOT NULL),
    CHECK (status != 'replied' OR replied_at IS NOT NULL),
    CHECK (held IS NULL OR status = 'sent')
) STRICT;
INSERT INTO "recipient" VALUES(1,1,1,'+14152000000','["Person 0000"]',NULL,'delivered',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDAwFQIApdBLg/qtAAAAAAAB','14152000000','US.7714152000000',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(2,1,2,'+14152000001','["Person 0001"]',NULL,'read',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDAxFQIApdBLg/qtAAAAAAAC','14152000001','US.7714152000001',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,1796095433000,NULL,NULL);
INSERT INTO "recipient" VALUES(3,1,3,'+14152000002','["Person 0002"]',NULL,'failed',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDAyFQIApdBLg/qtAAAAAAAD','14152000002','US.7714152000002',NULL,NULL,NULL,NULL,NULL,NULL,NULL,131026,'Message undeliverable','Message undeliverable (simulated)',1796095432568,NULL,NULL,NULL,1796095432568);
INSERT INTO "recipient" VALUES(4,1,4,'+14152000003','["Person 0003"]',NULL,'replied',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDAzFQIApdBLg/qtAAAAAAAE','14152000003','US.7714152000003',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,1796095433000,1796095434000,NULL);
INSERT INTO "recipient" VALUES(5,1,5,'+14152000004','["Person 0004"]',NULL,'delivered',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDA0FQIApdBLg/qtAAAAAAAF','14152000004','US.7714152000004',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(6,1,6,'+14152000005','["Person 0005"]',NULL,'read',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDA1FQIApdBLg/qtAAAAAAAG','14152000005','US.7714152000005',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,1796095433000,NULL,NULL);
INSERT INTO "recipient" VALUES(7,1,7,'+14152000006','["Person 0006"]',NULL,'read',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDA2FQIApdBLg/qtAAAAAAAH','14152000006','US.7714152000006',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,1796095433000,NULL,NULL);
INSERT INTO "recipient" VALUES(8,1,8,'+14152000007','["Person 0007"]',NULL,'delivered',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDA3FQIApdBLg/qtAAAAAAAI','14152000007','US.7714152000007',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(9,1,9,'+14152000008','["Person 0008"]',NULL,'failed',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDA4FQIApdBLg/qtAAAAAAAJ','14152000008','US.7714152000008',NULL,NULL,NULL,NULL,NULL,NULL,NULL,131026,'Message undeliverable','Message undeliverable (simulated)',1796095432568,NULL,NULL,NULL,1796095432568);
INSERT INTO "recipient" VALUES(10,1,10,'+14152000009','["Person 0009"]',NULL,'delivered',1,0,0,1796095432543,1796095432543,0,'wamid.HQQYCzE0MTUyMDAwMDA5FQIApdBLg/qtAAAAAAAK','14152000009','US.7714152000009',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432568,1796095432568,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(11,1,11,'+14152000010','["Person 0010"]',NULL,'read',1,0,0,1796095432569,1796095432569,0,'wamid.HQQYCzE0MTUyMDAwMDEwFQIApdBLg/qtAAAAAAAL','14152000010','US.7714152000010',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432589,1796095432589,1796095433000,NULL,NULL);
INSERT INTO "recipient" VALUES(12,1,12,'+14152000011','["Person 0011"]',NULL,'replied',1,0,0,1796095432569,1796095432569,0,'wamid.HQQYCzE0MTUyMDAwMDExFQIApdBLg/qtAAAAAAAM','14152000011','US.7714152000011',NULL,NULL,1,14368763456001,NULL,NULL,NULL,NULL,NULL,NULL,1796095432589,1796095432589,1796095433000,1796095434000,NULL);
INSERT INTO "recipient" VALUES(13,2,13,'+14152000100','["Person 0100"]',NULL,'pending',0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(14,2,14,'+14152000101','["Person 0101"]',NULL,'pending',0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(15,2,15,'+14152000102','["Person 0102"]',NULL,'pending',0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(16,2,16,'+14152000103','["Person 0103"]',NULL,'pending',0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "recipient" VALUES(17,2,17,'+14152000104','["Person 0104"]',NULL,'pending',0,0,0,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE recipient_history (
    id INTEGER PRIMARY KEY,
    recipient_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,                            -- attempt, sent, delivered, read, replied, failed
    attempt INTEGER,
    detail TEXT                                     -- JSON
) STRICT;
INSERT INTO "recipient_history" VALUES(1,1,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(2,2,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(3,3,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(4,4,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(5,5,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(6,6,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(7,7,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(8,8,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(9,9,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(10,10,1796095432568,'attempt',1,'{"started_at": 1796095432557, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(11,11,1796095432589,'attempt',1,'{"started_at": 1796095432586, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(12,12,1796095432589,'attempt',1,'{"started_at": 1796095432587, "outcome": "sent", "note": "accepted"}');
INSERT INTO "recipient_history" VALUES(13,1,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(14,2,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(15,3,1796095432000,'failed',1,'{"code": 131026, "title": "Message undeliverable", "details": "Message undeliverable (simulated)"}');
INSERT INTO "recipient_history" VALUES(16,4,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(17,5,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(18,6,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(19,7,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(20,8,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(21,9,1796095432000,'failed',1,'{"code": 131026, "title": "Message undeliverable", "details": "Message undeliverable (simulated)"}');
INSERT INTO "recipient_history" VALUES(22,10,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(23,11,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(24,12,1796095432000,'delivered',1,NULL);
INSERT INTO "recipient_history" VALUES(25,2,1796095433000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(26,4,1796095433000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(27,6,1796095433000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(28,7,1796095433000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(29,11,1796095433000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(30,12,1796095433000,'read',1,NULL);
INSERT INTO "recipient_history" VALUES(31,4,1796095434000,'replied',1,NULL);
INSERT INTO "recipient_history" VALUES(32,12,1796095434000,'replied',1,NULL);
CREATE TABLE schedule (id integer not null primary key, queue text not null, data blob not null, timestamp real not null);
CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "setting" VALUES('key_fingerprint','a2f0d53d');
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
CREATE UNIQUE INDEX number_default ON number (account_id) WHERE is_default = 1 AND removed_at IS NULL;
CREATE UNIQUE INDEX number_meta ON number (phone_number_id) WHERE removed_at IS NULL;
CREATE INDEX number_waba ON number (waba_id);
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
CREATE INDEX draft_state ON draft (state, updated_at);
CREATE INDEX recipient_count ON recipient (broadcast_id, status);
CREATE INDEX recipient_due ON recipient (broadcast_id, next_attempt_at, id) WHERE status = 'pending';
CREATE INDEX recipient_in_flight ON recipient (broadcast_id) WHERE status = 'sending';
CREATE INDEX recipient_failed ON recipient (broadcast_id, error_code, error_title) WHERE status = 'failed';
CREATE INDEX recipient_uncertain ON recipient (broadcast_id) WHERE status = 'uncertain';
CREATE UNIQUE INDEX recipient_wamid ON recipient (wamid) WHERE wamid IS NOT NULL;
CREATE INDEX recipient_person ON recipient (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX recipient_held ON recipient (broadcast_id, held, sent_at) WHERE held IS NOT NULL;
CREATE INDEX recipient_pricing ON recipient (broadcast_id, pricing_id) WHERE pricing_id IS NOT NULL;
CREATE INDEX recipient_history_recipient ON recipient_history (recipient_id);
CREATE INDEX unmatched_status_received ON unmatched_status (received_at);
CREATE INDEX inbound_message_received ON inbound_message (received_at);
CREATE INDEX inbound_message_person ON inbound_message (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX inbound_message_open ON inbound_message (person_id, at) WHERE replies_from IS NOT NULL;
CREATE INDEX inbound_message_guess ON inbound_message (recipient_id) WHERE replies_from IS NOT NULL;
CREATE INDEX inbound_message_context ON inbound_message (context_id) WHERE context_id IS NOT NULL;
CREATE INDEX optout_list ON optout (account_id, at DESC, id DESC) WHERE lifted_at IS NULL;
CREATE INDEX optout_source ON optout (account_id, source, at DESC, id DESC) WHERE lifted_at IS NULL;
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
