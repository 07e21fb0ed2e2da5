use super::wire::{LEADING_KEYS, requests};
use super::*;

fn place() -> Place {
    let (stack, region) = ("lanyard".to_owned(), "eu-north-1".to_owned());
    Place { stack, region, account: "123456789012".to_owned(), table: "a-table".to_owned() }
}

fn policies() -> Policies {
    Policies::read(&place(), &[]).unwrap()
}

/// A call on items of the table.
fn items(action: &str, keys: &[&str]) -> Request {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    Request {
        action: format!("dynamodb:{action}"),
        resource: place().table("a-table"),
        context: BTreeMap::from([(LEADING_KEYS.to_owned(), keys)]),
    }
}

fn parameter(action: &str, name: &str) -> Request {
    let (action, resource) = (format!("ssm:{action}"), place().parameter(name));
    Request { action, resource, context: BTreeMap::new() }
}

const KEY: &str = "/lanyard/lanyard/azure-keys/main/gpt-4o/one";

#[test]
fn a_proxied_function_may_not_do_organisers_work() {
    let policies = policies();
    for function in ["chat-completions", "embeddings"] {
        let may = |request| policies.allows(function, &request);
        assert!(may(items("GetItem", &["CODE#hackathon"])));
        assert!(may(items("UpdateItem", &["EVENT#evt_1"])));
        assert!(may(parameter("GetParameter", KEY)));
        assert!(!may(items("GetItem", &["TOKEN#5d1f"])), "{function} reads tokens");
        assert!(!may(items("PutItem", &["CODE#hackathon"])), "{function} makes codes");
        assert!(!may(items("PutItem", &["EVENT#evt_1"])), "{function} replaces events");
        assert!(!may(parameter("PutParameter", KEY)), "{function} writes keys");
        assert!(!may(parameter("GetParameter", "/lanyard/other/azure-keys/main")));
    }
}

#[test]
fn admin_writes_keys_and_cannot_read_them() {
    let policies = policies();
    assert!(policies.allows("admin", &parameter("PutParameter", KEY)));
    assert!(policies.allows("admin", &parameter("DeleteParameter", KEY)));
    assert!(!policies.allows("admin", &parameter("GetParameter", KEY)));
    assert!(!policies.allows("admin", &items("PutItem", &["REQUEST#req_1"])));
    // Revoking an organiser's token deletes it.
    assert!(policies.allows("admin", &items("DeleteItem", &["TOKEN#5d1f"])));
}

#[test]
fn the_sweep_cannot_read_codes_and_reading_functions_cannot_write() {
    let policies = policies();
    assert!(policies.allows("sweep", &items("Query", &["SWEEP"])));
    assert!(!policies.allows("sweep", &items("Query", &["SWEEPING"])));
    assert!(!policies.allows("sweep", &items("GetItem", &["CODE#hackathon"])));
    assert!(!policies.allows("sweep", &parameter("GetParameter", KEY)));
    for function in ["event", "models"] {
        assert!(policies.allows(function, &items("Query", &["ORGANISER#main"])));
        assert!(!policies.allows(function, &items("UpdateItem", &["EVENT#evt_1"])));
        assert!(!policies.allows(function, &parameter("GetParameter", KEY)));
    }
}

#[test]
fn every_key_of_a_call_counts_and_a_call_without_keys_is_refused() {
    let policies = policies();
    assert!(policies.allows("sweep", &items("BatchGetItem", &["EVENT#a", "EVENT#b"])));
    assert!(!policies.allows("sweep", &items("BatchGetItem", &["EVENT#a", "CODE#b"])));
    for function in policies.functions() {
        for action in ["Scan", "GetItem", "Query", "PutItem", "BatchGetItem"] {
            assert!(!policies.allows(function, &items(action, &[])), "{function}: {action}");
            let mut without = items(action, &[]);
            without.context.clear();
            assert!(!policies.allows(function, &without), "{function}: {action}");
        }
        let mut elsewhere = items("GetItem", &["EVENT#a"]);
        elsewhere.resource = place().table("another");
        assert!(!policies.allows(function, &elsewhere), "{function} reads another table");
    }
    assert!(!policies.allows("nobody", &items("GetItem", &["EVENT#a"])));
}

#[test]
fn a_function_writes_its_own_log() {
    let log = |group: &str| Request {
        action: "logs:PutLogEvents".to_owned(),
        resource: place().log(group).replace(":*", ":log-stream:2026"),
        context: BTreeMap::new(),
    };
    let policies = policies();
    assert!(policies.allows("event", &log("/aws/lambda/lanyard-event")));
    assert!(!policies.allows("event", &log("/aws/lambda/lanyard-admin")));
    assert!(!policies.allows("event", &log("/aws/lambda/lanyard-event-b")));
}

#[test]
fn tokens_for_azure_need_the_parameter_and_azures_audience() {
    let token = |audience: &str, seconds: Option<&str>| {
        let mut context =
            BTreeMap::from([("sts:IdentityTokenAudience".to_owned(), vec![audience.to_owned()])]);
        if let Some(seconds) = seconds {
            context.insert("sts:DurationSeconds".to_owned(), vec![seconds.to_owned()]);
        }
        let (action, resource) = ("sts:GetWebIdentityToken".to_owned(), "*".to_owned());
        Request { action, resource, context }
    };
    let azure = "api://AzureADTokenExchange";
    assert!(!policies().allows("embeddings", &token(azure, None)));
    let chosen = Policies::read(&place(), &[("AzureIdentity", "true")]).unwrap();
    assert!(chosen.allows("embeddings", &token(azure, Some("300"))));
    assert!(chosen.allows("embeddings", &token(azure, None)));
    assert!(!chosen.allows("embeddings", &token(azure, Some("301"))));
    assert!(!chosen.allows("embeddings", &token("https://example.org", None)));
    assert!(!chosen.allows("admin", &token(azure, None)));
}

#[test]
fn a_transaction_needs_the_permission_of_each_part() {
    let body = br#"{"TransactItems": [
        {"Put": {"TableName": "a-table", "Item": {"pk": {"S": "CODE#x"}, "sk": {"S": "CODE"}}}},
        {"Delete": {"TableName": "a-table", "Key": {"pk": {"S": "SWEEP"}, "sk": {"S": "EVENT#x"}}}}
    ]}"#;
    let parts = requests(&place(), "DynamoDB_20120810.TransactWriteItems", body).unwrap();
    assert_eq!(parts, [items("PutItem", &["CODE#x"]), items("DeleteItem", &["SWEEP"])]);
}

#[test]
fn an_unsupported_policy_is_an_error() {
    let unknown = [
        ("DynamoDB_20120810.ExecuteStatement", "{}"),
        ("AmazonSSM.GetParametersByPath", r#"{"Path": "/"}"#),
        ("Other.GetItem", "{}"),
        ("DynamoDB_20120810.Query", r#"{"TableName": "a", "IndexName": "b"}"#),
        ("DynamoDB_20120810.GetItem", r#"{"TableName": "a"}"#),
    ];
    for (target, body) in unknown {
        assert!(requests(&place(), target, body.as_bytes()).is_err(), "{target}");
    }
    let with = |before: &str, after: &str| {
        let text = crate::template::TEMPLATE.replacen(before, after, 1);
        assert_ne!(text, crate::template::TEMPLATE, "{before}");
        Policies::parse(&text, &place(), &[])
    };
    assert!(with("ForAllValues:StringLike", "ForAllValues:StringNotLike").is_err());
    assert!(with("Effect: Allow\n", "Effect: Deny\n").is_err());
    assert!(with("Action: dynamodb:GetItem\n", "NotAction: dynamodb:Scan\n").is_err());
    assert!(with("\"Null\": {", "Null: {").is_err());
    assert!(with("!Ref AccountPolicy", "arn:aws:iam::aws:policy/PowerUserAccess").is_err());
    assert!(with("Role: !GetAtt EventRole.Arn", "Policies: AWSLambdaExecute").is_err());
    assert!(Policies::read(&place(), &[("NoSuchParameter", "true")]).is_err());
}

#[test]
fn a_condition_that_a_call_without_the_key_fulfils_is_not_counted_as_one() {
    let text = crate::template::TEMPLATE.replacen(
        "              \"Null\": { dynamodb:LeadingKeys: \"false\" }\n",
        "",
        1,
    );
    let open = Policies::parse(&text, &place(), &[]).unwrap();
    let get = |allowed: &Allowed| allowed.action == "dynamodb:GetItem" && allowed.only.is_none();
    assert!(open.allowed("models").iter().any(get));
    assert!(!policies().allowed("models").iter().any(get));
    assert!(open.allows("models", &items("GetItem", &[])));
}

#[test]
fn patterns_match_as_iams_do() {
    for (pattern, text) in [("*", ""), ("CODE#*", "CODE#"), ("a*b*", "axxbc"), ("a?c", "aéc")] {
        assert!(like(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [("CODE#*", "XCODE#a"), ("SWEEP", "SWEEP#"), ("a?c", "ac"), ("", "a")] {
        assert!(!like(pattern, text), "{pattern} {text}");
    }
}
