-- The schema, one section a version. A database of version N gets the sections after N, in one transaction.
-- Sections are never changed, only added to.

-- version: 1

-- The newest resourceVersion: one number for all objects, as in a cluster.
CREATE TABLE sequence (
    value INTEGER NOT NULL
);

INSERT INTO sequence (value) VALUES (0);

-- Workflows, WorkflowRuns and ApprovalRequests: the JSON of their wire types, and what they are looked up by.
CREATE TABLE objects (
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL UNIQUE,
    resource_version INTEGER NOT NULL UNIQUE,
    -- resourceVersion at creation: an order that no clock can disturb.
    born INTEGER NOT NULL,
    -- Name and UID of the run that the object is, or belongs to.
    run TEXT,
    run_uid TEXT,
    finished INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
);

CREATE INDEX objects_by_age ON objects (kind, born);

CREATE INDEX objects_by_run ON objects (run_uid, kind);

CREATE INDEX unfinished_runs ON objects (namespace, name) WHERE kind = 'WorkflowRun' AND finished = 0;

-- Immutable contents of Workflows.
CREATE TABLE revisions (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    spec TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
);

-- Attempts. A row is written before its process is started; its name is the fence.
CREATE TABLE attempts (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    run_uid TEXT NOT NULL,
    step TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    digest TEXT NOT NULL,
    -- Tells the attempt's own records from what it prints.
    nonce TEXT NOT NULL,
    -- How it ended, as JSON; NULL until then.
    outcome TEXT,
    PRIMARY KEY (namespace, name)
);

CREATE INDEX attempts_by_run ON attempts (run_uid, step, attempt);

CREATE INDEX open_attempts ON attempts (namespace, run) WHERE outcome IS NULL;

-- version: 2

-- Which batch of items, where the attempt's step is fanned out.
ALTER TABLE attempts ADD COLUMN batch INTEGER;

-- version: 3

-- Outputs that the objects of their runs have no room for. They go with the run.
CREATE TABLE outputs (
    run_uid TEXT NOT NULL,
    -- Stands for the content.
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_uid, name)
);

CREATE TRIGGER outputs_go_with_their_run AFTER DELETE ON objects WHEN OLD.kind = 'WorkflowRun'
BEGIN DELETE FROM outputs WHERE run_uid = OLD.uid; END;

-- version: 4

-- Runs by idempotency key: a key is given once for each Workflow.
CREATE INDEX runs_by_idempotency_key ON objects (namespace, json_extract(body, '$.spec.idempotencyKey'))
WHERE kind = 'WorkflowRun' AND json_extract(body, '$.spec.idempotencyKey') IS NOT NULL;

-- version: 5

-- A step over 50,000 items has as many attempts; a look at a run reads only those that something may come of.
CREATE INDEX single_attempts ON attempts (run_uid) WHERE batch IS NULL;

CREATE INDEX open_batches ON attempts (run_uid) WHERE batch IS NOT NULL AND outcome IS NULL;

-- version: 6

-- Runs of steps by the run above them, with which they go.
CREATE INDEX runs_by_parent ON objects (json_extract(body, '$.spec.parent.uid'))
WHERE kind = 'WorkflowRun' AND json_extract(body, '$.spec.parent.uid') IS NOT NULL;
